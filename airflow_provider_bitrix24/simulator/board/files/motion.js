// Animates cards from one place to another, from measurements before and after the page changes.
// The page is correct without it; motion is left out where there would be too much, or where users turned it off.

const FLIGHT_MS = 420;
const STAGGER_MS = 14;
const MOST_FLIGHTS = 12;
const FEW = 8;

const calm = matchMedia("(prefers-reduced-motion: reduce)");
const sky = document.getElementById("flights");
let flying = 0;

/** Whether motion is wanted now. */
export function mayMove() {
  return !calm.matches && document.visibilityState === "visible";
}

/**
 * Measure where cards are, before the page changes.
 * arrivals: [{card, from, to, isNew}] with `from` and `to` columns; of many only the first are animated.
 */
export function measure(arrivals) {
  const followed = arrivals.slice(0, MOST_FLIGHTS - flying);
  const starts = followed.map(({ card, isNew }) => (isNew ? null : card.getBoundingClientRect()));
  const bystanders = new Map();
  if (arrivals.length <= FEW) {
    for (const { list } of new Set(arrivals.flatMap(({ from, to }) => [from, to]))) {
      for (const entry of [...list.children].slice(0, MOST_FLIGHTS)) bystanders.set(entry.firstChild, entry.getBoundingClientRect());
    }
  }
  for (const { card } of arrivals) bystanders.delete(card);
  return { followed, starts, bystanders };
}

/** Animate cards that changed columns and cards that made room, from the result of measure(). */
export function animate({ followed, starts, bystanders }) {
  const views = new Map(followed.flatMap(({ from, to }) => [from, to]).map((each) => [each, each.body.getBoundingClientRect()]));
  const ends = followed.map(({ card }) => card.getBoundingClientRect());
  const rests = new Map([...bystanders.keys()].filter((card) => card.isConnected).map((card) => [card, card.getBoundingClientRect()]));
  for (const [card, now] of rests) slide(card, bystanders.get(card).top - now.top);
  followed.forEach(({ card, from, to }, index) => {
    const end = ends[index];
    if (end.top > views.get(to).bottom) return; // it lands out of sight
    fly(card, to, start(starts[index], end, views.get(from)), end, index * STAGGER_MS);
  });
}

/** Where a flight starts: at the card's old place or, if that was out of sight, at the edge of its column. */
function start(was, end, view) {
  const lowest = view.bottom - end.height;
  const top = was ? Math.min(Math.max(was.top, view.top), lowest) : lowest;
  return { left: view.left + (view.width - end.width) / 2, top };
}

function slide(card, rise) {
  if (rise) card.animate([{ transform: `translateY(${rise}px)` }, { transform: "none" }], { duration: 240, easing: "ease-out" });
}

function fly(card, to, from, end, delay) {
  const copy = card.cloneNode(true);
  copy.tabIndex = -1;
  copy.style.width = `${end.width}px`;
  copy.style.setProperty("--stage", to.color);
  sky.append(copy);
  card.classList.add("away");
  flying += 1;
  const lift = Math.min(26, Math.abs(end.left - from.left) / 12);
  const journey = copy.animate(
    [
      { transform: `translate(${from.left}px, ${from.top}px)` },
      { transform: `translate(${(from.left + end.left) / 2}px, ${(from.top + end.top) / 2 - lift}px) scale(1.03)` },
      { transform: `translate(${end.left}px, ${end.top}px)` },
    ],
    { duration: FLIGHT_MS, delay, easing: "cubic-bezier(.3, .1, .2, 1)", fill: "both" },
  );
  const land = () => {
    copy.remove();
    card.classList.remove("away");
    flying -= 1;
  };
  journey.finished.then(land, land);
}
