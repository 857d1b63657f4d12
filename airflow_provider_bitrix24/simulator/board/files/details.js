// The details of one entity: what people want to know of it, its history, and a way to move it by hand.

import { byId, dayTime, make, number } from "./elements.js";

const dialog = byId("details");

/** Show an entity; returns whether there is one. */
export async function showDetails(target, stages) {
  const answer = await fetch(`items/${encodeURIComponent(target)}`);
  if (!answer.ok) return false; // it is gone, as the board will soon show
  const item = await answer.json();
  dialog.dataset.target = target;
  byId("details-title").textContent = item.title;
  byId("details-trouble").textContent = "";
  byId("details-fields").replaceChildren(
    ...fields(item).flatMap(([name, value]) => [make("dt", "", name), make("dd", "", value)]),
  );
  byId("details-history").replaceChildren(...item.history.map((each) => historyEntry(each)));
  if (!item.history.length) byId("details-history").append(make("li", "", "None."));
  byId("details-choice").hidden = !item.stage;
  byId("details-stage").replaceChildren(
    ...stages.map(({ id, name }) => new Option(`${name} (${id})`, id, false, id === item.stage)),
  );
  if (!dialog.open) dialog.showModal();
  return true;
}

function fields(item) {
  const shown = [["Entity", item.target]];
  if (item.stage) shown.push(["Stage", `${item.stage_name} (${item.stage})`], ["Pipeline", `${item.pipeline} (${item.category_id})`]);
  if (item.amount) shown.push(["Amount", `${number.format(item.amount)} ${item.currency}`]);
  shown.push(["Responsible", `user ${item.assigned_by}`], ["Created", dayTime(item.created)]);
  if (item.moves) shown.push(["Last moved", `${dayTime(item.moved)} by ${item.moved_by ? `user ${item.moved_by}` : "a trigger or robot"}`]);
  shown.push(["Fired for", times(item.fires)], ["Moved", times(item.moves)]);
  const own = Object.entries(item.fields).map(([name, value]) => [name, typeof value === "object" ? JSON.stringify(value) : String(value)]);
  return [...shown, ...own];
}

function times(count) {
  return count === 1 ? "once" : count ? `${number.format(count)} times` : "never";
}

function historyEntry({ time, event, stage, stage_name: name }) {
  const entry = make("li");
  const moment = make("time", "", dayTime(time));
  moment.dateTime = time;
  entry.append(moment, make("span", "", `${event === "created" ? "created at" : event === "changed pipeline" ? "changed pipeline, to" : "moved to"} ${name || stage}`));
  return entry;
}

/** Move an item by hand; returns the reason of a refusal, or nothing. */
export async function moveByHand(target, stage) {
  const answer = await fetch(`items/${encodeURIComponent(target)}`, { method: "PATCH", body: JSON.stringify({ stage }) });
  return answer.ok ? "" : (await answer.json()).error;
}

byId("details-move").addEventListener("click", async () => {
  const trouble = await moveByHand(dialog.dataset.target, byId("details-stage").value);
  byId("details-trouble").textContent = trouble;
  if (!trouble) dialog.close();
});
