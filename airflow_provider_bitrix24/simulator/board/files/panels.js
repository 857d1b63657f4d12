// The panels around the columns: figures above, requests below, and the details of one card.

import { byId, clockTime, make, number } from "./elements.js";

export function drawSummary(summary) {
  byId("plan").textContent = summary.plan;
  byId("moves").textContent = number.format(summary.moves);
  byId("clock").textContent = clockTime(summary.time);
  byId("clock").title = summary.time;
  byId("bucket-figure").hidden = !summary.bucket;
  if (summary.bucket) {
    const { level, capacity } = summary.bucket;
    Object.assign(byId("bucket"), { max: capacity, high: capacity * 0.9, optimum: 0, value: level });
    byId("bucket-text").textContent = `${level} / ${capacity}`;
  }
  byId("faults-figure").hidden = !summary.pending_faults;
  byId("faults").textContent = number.format(summary.pending_faults);
  byId("request-total").textContent = number.format(summary.requests);
  byId("statuses").replaceChildren(
    ...Object.entries(summary.statuses).map(([status, count]) => statusOf(status, `${status} × ${number.format(count)}`)),
  );
  for (const link of byId("types").children) {
    const tally = link.querySelector(".tally") ?? link.appendChild(make("span", "tally"));
    tally.textContent = number.format(summary.items[link.dataset.type] ?? 0);
  }
}

export function drawRequests(requests) {
  if (!requests.length) {
    const row = make("tr");
    row.append(make("td", "", "None yet."));
    row.firstChild.colSpan = 7;
    byId("request-rows").replaceChildren(row);
    return;
  }
  byId("request-rows").replaceChildren(
    ...requests.map((each) => {
      const row = make("tr");
      const status = make("td");
      status.append(statusOf(each.status, each.status || "none"));
      const trouble = [each.error === "" ? "(empty error code)" : each.error, each.fault && `fault: ${each.fault}`];
      row.append(
        make("td", "", clockTime(each.time)),
        status,
        make("td", "", `${each.http_method} ${each.method}`),
        make("td", "", each.parameters),
        make("td", "", each.commands ? String(each.commands) : ""),
        make("td", "", `${number.format(each.milliseconds)} ms`),
        make("td", "bad", trouble.filter(Boolean).join(", ")),
      );
      return row;
    }),
  );
}

function statusOf(status, text) {
  const element = make("span", "status", text);
  element.dataset.class = String(status)[0];
  return element;
}

/** Show what the control API returns for an item, and offer to move it. */
export async function showDetails({ target, title }, stages) {
  const answer = await fetch(`items/${encodeURIComponent(target)}`);
  if (!answer.ok) return; // it is gone, as the board will soon show
  const fields = await answer.json();
  byId("details").dataset.target = target;
  byId("details-title").textContent = title;
  byId("details-trouble").textContent = "";
  byId("details-fields").replaceChildren(
    ...Object.entries(fields)
      .filter(([name]) => name !== "title")
      .flatMap(([name, value]) => [make("dt", "", name.replaceAll("_", " ")), make("dd", "", worded(name, value))]),
  );
  byId("details-stage").replaceChildren(
    ...stages.map(({ id, name }) => new Option(`${name} (${id})`, id, false, id === fields.stage)),
  );
  byId("details").showModal();
}

function worded(name, value) {
  if (name.endsWith("_time") && typeof value === "number") return new Date(value * 1000).toISOString();
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}

/** Move an item by hand; returns the reason of a refusal, or nothing. */
export async function moveByHand(target, stage) {
  const answer = await fetch(`items/${encodeURIComponent(target)}`, { method: "PATCH", body: JSON.stringify({ stage }) });
  return answer.ok ? "" : (await answer.json()).error;
}

byId("details-move").addEventListener("click", async () => {
  const trouble = await moveByHand(byId("details").dataset.target, byId("details-stage").value);
  byId("details-trouble").textContent = trouble;
  if (!trouble) byId("details").close();
});
