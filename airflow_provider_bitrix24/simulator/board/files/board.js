// The board: follows one pipeline through the event stream and draws it, at most once per frame.
// Everything from the portal is inserted as text, never as markup.

import { drawCards, drawColumns, goTo } from "./columns.js";
import { moveByHand, showDetails } from "./details.js";
import { dragging } from "./dragging.js";
import { byId, make } from "./elements.js";
import { drawSummary } from "./panels.js";
import { drawRequests } from "./requests.js";

const ANNOUNCE_MS = 4000;
const TOAST_MS = 6000;

let source = null;
let chosen = readAddress();
let structure = null; // the pipeline shown: type, category and stages; and all pipelines
const cards = new Map(); // item id -> its data in the stream
const wanted = new Map(); // stage id -> {count, ids}
let summary = null;
let requests = null;
let isFresh = false;
let toOpen = new URLSearchParams(location.search).get("open"); // the entity whose page led here
let frame = 0;

function readAddress() {
  const query = new URLSearchParams(location.search);
  return { type: query.get("type") ?? "DEAL", category: query.get("category") ?? "0" };
}

function address({ type, category }) {
  return `?${new URLSearchParams({ type, category })}`;
}

// ---- the stream

function connect() {
  source?.close();
  const current = new EventSource(`board/events${address(chosen)}`);
  source = current;
  const heard = (name, note) =>
    current.addEventListener(name, (event) => {
      if (current !== source) return;
      note(JSON.parse(event.data));
      frame ||= requestAnimationFrame(draw);
    });
  current.onopen = () => state("live", "live");
  current.onerror = () => {
    if (current !== source) return;
    state("lost", "reconnecting");
    if (current.readyState === EventSource.CLOSED) setTimeout(() => current === source && connect(), 1000);
  };
  heard("board", (data) => {
    structure = data;
    isFresh = true;
    cards.clear();
    wanted.clear();
    take(data);
  });
  heard("change", take);
  heard("summary", (data) => (summary = data));
  heard("requests", (data) => ({ requests } = data));
}

function take(data) {
  structure.next_id = data.next_id;
  for (const card of data.cards) cards.set(card.id, card);
  for (const [stage, column] of Object.entries(data.columns)) wanted.set(stage, column);
}

function state(name, text) {
  byId("live").dataset.state = name;
  byId("live").textContent = text;
}

// ---- drawing

function draw() {
  frame = 0;
  if (structure && isFresh) drawStructure();
  if (structure) drawCards({ wanted, cards, isFresh });
  if (summary) drawSummary(summary);
  if (requests) drawRequests(requests);
  isFresh = false;
  requests = null;
  if (structure && toOpen) open(toOpen);
}

/** Open the card of an entity, also of one that is not among the newest on the board. */
async function open(target) {
  toOpen = null;
  if (!(await showDetails(target, structure.stages))) toast(`There is no ${target}.`);
}

function drawStructure() {
  const { pipelines, type, category, stages } = structure;
  const types = pipelines.filter((each, index) => pipelines.findIndex((other) => other.type === each.type) === index);
  switches(byId("types"), types, (each) => each.label, (each) => each.type === type);
  switches(byId("pipelines"), pipelines.filter((each) => each.type === type), (each) => each.name, (each) => each.category === category);
  drawColumns(stages);
  document.title = `${pipelines.find((each) => each.type === type && each.category === category).name} · Bitrix24 simulator`;
}

function switches(place, entries, label, isCurrent) {
  const focused = place.contains(document.activeElement);
  place.replaceChildren(
    ...entries.map((each) => {
      const link = make("a", "", label(each));
      link.href = address(each);
      link.dataset.type = each.type;
      if (isCurrent(each)) link.setAttribute("aria-current", "page");
      link.addEventListener("click", (event) => {
        if (event.metaKey || event.ctrlKey || event.shiftKey) return;
        event.preventDefault();
        history.pushState(null, "", link.href);
        choose();
      });
      return link;
    }),
  );
  if (focused) place.querySelector("[aria-current]")?.focus();
}

function choose() {
  chosen = readAddress();
  connect();
}

// ---- actions

byId("columns").addEventListener("click", (event) => {
  const card = event.target.closest(".card");
  if (!card) return;
  goTo(card);
  showDetails(cards.get(Number(card.dataset.id)).target, structure.stages);
});

dragging(byId("columns"), async (id, stage) => {
  const card = cards.get(id);
  if (card) toast(await moveByHand(card.target, stage));
});

byId("fill").addEventListener("click", async () => {
  const { type, stages, next_id } = structure;
  const generate = [{ type, count: 20, stage: stages[0].id, first_id: next_id }];
  await fetch("seed", { method: "POST", body: JSON.stringify({ generate }) });
});

byId("start-over").addEventListener("click", () => byId("confirm").showModal());

byId("confirm").addEventListener("close", async ({ target }) => {
  if (target.returnValue === "ok") await fetch("reset", { method: "POST", body: JSON.stringify({ demo: true }) });
  target.returnValue = "";
});

byId("details").addEventListener("close", () => {
  const query = new URLSearchParams(location.search);
  if (!query.has("open")) return;
  query.delete("open"); // so that loading the page again does not open it again
  history.replaceState(null, "", `?${query}`);
});

function toast(text) {
  byId("toast").textContent = text;
  clearTimeout(toast.timer);
  toast.timer = setTimeout(() => (byId("toast").textContent = ""), TOAST_MS);
}

// ---- theme, announcements, start

const THEMES = ["auto", "light", "dark"];

function setTheme(theme) {
  document.documentElement.dataset.theme = theme;
  byId("theme").textContent = `Theme: ${theme}`;
  localStorage.setItem("theme", theme);
}

byId("theme").addEventListener("click", () => {
  const at = THEMES.indexOf(document.documentElement.dataset.theme);
  setTheme(THEMES[(at + 1) % THEMES.length]);
});

let announced = null;
setInterval(() => {
  if (!summary || !structure) return;
  if (announced !== null && summary.moves > announced) {
    const busy = structure.stages.map((stage) => `${stage.name} ${wanted.get(stage.id)?.count ?? 0}`);
    byId("announcer").textContent = `${summary.moves - announced} moves. ${busy.join(", ")}.`;
  }
  announced = summary.moves;
}, ANNOUNCE_MS);

addEventListener("popstate", choose);
setTheme(THEMES.includes(localStorage.getItem("theme")) ? localStorage.getItem("theme") : "auto");
connect();
