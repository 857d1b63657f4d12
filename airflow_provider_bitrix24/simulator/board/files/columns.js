// Columns and cards: draws what is wanted and changes only what differs on the page.

import { byId, clockTime, make, number } from "./elements.js";
import { animate, mayMove, measure } from "./motion.js";

const FRESH_MS = 1500;
const MOST_FRESH = 12;

const columns = new Map(); // stage id -> {body, color, count, list, rest}
const elements = new Map(); // item id -> card element

/** Draw the columns of another pipeline. */
export function drawColumns(stages) {
  columns.clear();
  elements.clear();
  byId("columns").replaceChildren(...stages.map(newColumn));
}

function newColumn(stage, index) {
  const element = make("section", "column");
  const heading = make("h2", "", stage.name);
  heading.id = `stage-${index}`;
  heading.title = `${stage.name} (${stage.id})`;
  element.setAttribute("aria-labelledby", heading.id);
  element.dataset.stage = stage.id;
  const color = CSS.supports("color", stage.color) ? stage.color : "#a8adb4";
  element.style.setProperty("--stage", color);
  element.style.setProperty("--on-stage", isDark(color) ? "#ffffff" : "#17202a");
  const head = make("header");
  head.append(heading);
  if (stage.semantics) {
    const end = make("span", "end", stage.semantics === "S" ? "✓" : "✕");
    end.setAttribute("role", "img");
    end.setAttribute("aria-label", stage.semantics === "S" ? "success" : "failure");
    head.append(end);
  }
  const count = make("span", "count", "0");
  head.append(count, codes(stage.triggers));
  const body = make("div", "body");
  const list = make("ul");
  const rest = make("p", "rest");
  rest.hidden = true;
  body.append(list, rest);
  element.append(head, body);
  columns.set(stage.id, { body, color, count, list, rest });
  return element;
}

/** The codes that lead to a stage. */
function codes(triggers) {
  const line = make("p", "codes");
  for (const { code, application, conditions, allow_backwards } of triggers) {
    const chip = make("code", "", code || "any code");
    const notes = [
      application ? `trigger of the application ${application}` : "webhook trigger",
      conditions && `${conditions} ${conditions === 1 ? "condition" : "conditions"}`,
      allow_backwards && "also moves back",
    ];
    chip.title = notes.filter(Boolean).join(", ");
    line.append(chip);
  }
  if (triggers.length) line.prepend(make("span", "unseen", "Codes that lead here:"));
  return line;
}

function isDark(color) {
  const probe = make("span");
  probe.style.color = color;
  document.body.append(probe);
  const [red, green, blue] = getComputedStyle(probe).color.match(/[\d.]+/g).map((each) => each / 255);
  probe.remove();
  const linear = (each) => (each <= 0.04045 ? each / 12.92 : ((each + 0.055) / 1.055) ** 2.4);
  return 0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue) < 0.2;
}

/**
 * Show the wanted cards.
 * wanted: stage id -> {count, ids}; cards: item id -> data; isFresh: none of them was on the page before.
 */
export function drawCards({ wanted, cards, isFresh }) {
  const focused = document.activeElement?.closest?.("#columns .card")?.dataset.id;
  const arrivals = isFresh ? [] : newcomers(wanted, cards);
  const moves = arrivals.length && mayMove() ? measure(arrivals) : null;
  const shown = new Set();
  let total = 0;
  for (const [stage, column] of columns) {
    const { count, ids } = wanted.get(stage);
    total += count;
    column.count.textContent = number.format(count);
    column.rest.hidden = count <= ids.length;
    column.rest.textContent = `newest ${number.format(ids.length)} of ${number.format(count)}`;
    for (const id of ids) {
      shown.add(id);
      drawCard(cards.get(id), stage);
    }
  }
  for (const [id, card] of elements) {
    if (shown.has(id)) continue;
    card.parentElement.remove();
    elements.delete(id);
    cards.delete(id);
  }
  for (const [stage, column] of columns) order(column.list, wanted.get(stage).ids);
  arrivals.slice(0, MOST_FRESH).forEach(({ card }) => freshen(card));
  if (moves) animate(moves);
  rove(focused);
  byId("empty").hidden = total > 0;
}

/**
 * The cards that have come from another column: those above the first card that was in this column before. Cards
 * below it appear because the window of the column has grown.
 */
function newcomers(wanted, cards) {
  const found = [];
  for (const [stage, to] of columns) {
    for (const id of wanted.get(stage).ids) {
      const home = elements.get(id)?.dataset.stage;
      if (home === stage) break;
      const from = columns.get(home ?? cards.get(id).from);
      if (from && from !== to) found.push({ card: drawCard(cards.get(id), stage), from, to, isNew: !home });
    }
  }
  return found;
}

/** The card of an item, created or updated. */
function drawCard(data, stage) {
  let card = elements.get(data.id);
  if (!card) {
    card = make("button", "card");
    card.type = "button";
    card.dataset.id = data.id;
    card.tabIndex = -1;
    card.draggable = true;
    card.append(make("span", "title"), make("span", "amount"), make("span", "meta"));
    card.lastChild.append(make("span"), make("time"));
    make("li").append(card);
    elements.set(data.id, card);
  }
  card.dataset.stage = stage;
  if (card.drawn !== data) {
    const [title, amount, meta] = card.children;
    title.textContent = data.title;
    amount.textContent = data.amount ? `${number.format(data.amount)} ${data.currency}` : "";
    amount.hidden = !data.amount;
    meta.firstChild.textContent = data.target;
    meta.lastChild.textContent = clockTime(data.moved);
    meta.lastChild.dateTime = data.moved;
    meta.lastChild.title = `moved ${data.moved}`;
    card.drawn = data;
  }
  return card;
}

/** Give a list exactly these cards in this order, moving only those that are out of place. */
function order(list, ids) {
  let here = list.firstElementChild;
  for (const id of ids) {
    const entry = elements.get(id).parentElement;
    if (entry === here) here = here.nextElementSibling;
    else list.insertBefore(entry, here);
  }
}

function freshen(card) {
  card.dataset.fresh = "";
  clearTimeout(card.cooling);
  card.cooling = setTimeout(() => delete card.dataset.fresh, FRESH_MS);
}

// ---- keyboard: Tab stops once, arrow keys move from card to card

function rove(id) {
  const focused = elements.get(Number(id));
  if (focused && focused !== document.activeElement) focused.focus({ preventScroll: true });
  if (!document.querySelector("#columns .card[tabindex='0']")) {
    const first = document.querySelector("#columns .card");
    if (first) first.tabIndex = 0;
  }
}

export function goTo(card) {
  if (!card) return;
  for (const each of document.querySelectorAll("#columns .card[tabindex='0']")) each.tabIndex = -1;
  card.tabIndex = 0;
  card.focus();
  card.scrollIntoView({ block: "nearest", inline: "nearest" });
}

function neighbour(card, key) {
  const entry = card.parentElement;
  const all = [...columns.values()];
  const index = all.findIndex(({ list }) => list === entry.parentElement);
  const place = [...entry.parentElement.children].indexOf(entry);
  const beside = (step) => {
    for (let at = index + step; at >= 0 && at < all.length; at += step) {
      const { children } = all[at].list;
      if (children.length) return children[Math.min(place, children.length - 1)];
    }
    return null;
  };
  const moves = {
    ArrowUp: () => entry.previousElementSibling,
    ArrowDown: () => entry.nextElementSibling,
    ArrowLeft: () => beside(-1),
    ArrowRight: () => beside(1),
    Home: () => entry.parentElement.firstElementChild,
    End: () => entry.parentElement.lastElementChild,
  };
  return moves[key]?.()?.firstElementChild;
}

byId("columns").addEventListener("keydown", (event) => {
  const card = event.target.closest(".card");
  const next = card && neighbour(card, event.key);
  if (next) {
    event.preventDefault();
    goTo(next);
  }
});
