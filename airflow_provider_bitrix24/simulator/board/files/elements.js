// Small things every part of the page needs: elements, numbers, times.

export const byId = (id) => document.getElementById(id);
export const number = new Intl.NumberFormat("en");

/** A new element; text is text, never markup. */
export function make(tag, className = "", text = "") {
  const element = document.createElement(tag);
  if (className) element.className = className;
  if (text !== "") element.textContent = text;
  return element;
}

/** The time of day in the portal's own zone, which is what the ISO text shows. */
export function clockTime(iso) {
  return iso.slice(11, 19);
}
