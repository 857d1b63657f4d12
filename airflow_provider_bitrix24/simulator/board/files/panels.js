// The figures above the columns, and the totals of the requests below them.

import { byId, clockTime, make, number, statusOf } from "./elements.js";

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
