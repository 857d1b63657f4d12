// The last requests. The row of a batch opens: each command with its answer, which are fetched then.

import { byId, clockTime, make, number, statusOf } from "./elements.js";

const COLUMNS = 7;
const opened = new Map(); // number of a request -> its commands, or null while they are fetched
let shown = [];

export function drawRequests(requests) {
  const newest = requests[0]?.number ?? 0;
  for (const each of opened.keys()) if (each > newest) opened.delete(each); // after a reset, numbers start again
  shown = requests;
  redraw();
}

function redraw() {
  const focused = document.activeElement?.closest?.("#request-rows button")?.dataset.number;
  byId("request-rows").replaceChildren(...(shown.length ? shown.flatMap(rows) : [wide("None yet.")]));
  if (focused) byId("request-rows").querySelector(`button[data-number="${focused}"]`)?.focus({ preventScroll: true });
}

function rows(request) {
  const row = make("tr");
  const status = make("td");
  status.append(statusOf(request.status, request.status || "none"));
  const trouble = [request.error === "" ? "(empty error code)" : request.error, request.fault && `fault: ${request.fault}`];
  const parameters = make("td");
  parameters.append(request.commands ? opener(request) : request.parameters);
  row.append(
    make("td", "", clockTime(request.time)),
    status,
    make("td", "", `${request.http_method} ${request.method}`),
    parameters,
    make("td", "", request.commands ? String(request.commands) : ""),
    make("td", "", `${number.format(request.milliseconds)} ms`),
    make("td", "bad", trouble.filter(Boolean).join(", ")),
  );
  return opened.has(request.number) ? [row, commandsRow(request.number)] : [row];
}

function opener({ number: which, parameters }) {
  const button = make("button", "opener", parameters);
  button.type = "button";
  button.dataset.number = which;
  button.setAttribute("aria-expanded", String(opened.has(which)));
  button.title = "Show each command with its answer";
  return button;
}

function commandsRow(which) {
  const commands = opened.get(which);
  if (!commands) return wide("Loading ...");
  const table = make("table", "commands");
  const head = make("tr");
  head.append(...["Key", "Method", "Parameters", "Answer"].map((each) => Object.assign(make("th", "", each), { scope: "col" })));
  table.append(head, ...commands.map(commandRow));
  const row = wide("");
  row.firstChild.append(table);
  return row;
}

function commandRow({ key, method, params, answer, error }) {
  const row = make("tr");
  const told = error === null ? answer || "no answer" : [error, answer].filter(Boolean).join(": ");
  row.append(
    make("td", "", key),
    make("td", "", method),
    make("td", "", Object.entries(params).map(([name, value]) => `${name}=${typeof value === "string" ? value : JSON.stringify(value)}`).join(", ")),
    make("td", error === null && answer ? "" : "bad", told),
  );
  return row;
}

function wide(text) {
  const row = make("tr");
  row.append(make("td", "", text));
  row.firstChild.colSpan = COLUMNS;
  return row;
}

byId("request-rows").addEventListener("click", async (event) => {
  const button = event.target.closest(".opener");
  if (!button) return;
  const which = Number(button.dataset.number);
  if (opened.delete(which)) return redraw();
  opened.set(which, null);
  redraw();
  const answer = await fetch(`requests/${which}`);
  if (!opened.has(which)) return;
  opened.set(which, answer.ok ? (await answer.json()).answers : []);
  redraw();
});
