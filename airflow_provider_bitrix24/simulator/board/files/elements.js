// Elements, numbers, times and statuses, as every part of the page needs them.

export const byId = (id) => document.getElementById(id);
export const number = new Intl.NumberFormat("en");

/** A new element; its text is never markup. */
export function make(tag, className = "", text = "") {
  const element = document.createElement(tag);
  if (className) element.className = className;
  if (text !== "") element.textContent = text;
  return element;
}

/** The time of day in the portal's own zone, as in the ISO text. */
export function clockTime(iso) {
  return iso.slice(11, 19);
}

/** A status, coloured by its class. */
export function statusOf(status, text) {
  const element = make("span", "status", text);
  element.dataset.class = String(status)[0];
  return element;
}

/** Day and time of day in the portal's own zone, as in the ISO text. */
export function dayTime(iso) {
  return iso.slice(0, 19).replace("T", " ");
}
