// Elements, numbers and times, as every part of the page needs them.

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
