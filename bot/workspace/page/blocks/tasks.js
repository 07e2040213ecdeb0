// plan and task_card blocks: what an agent intends, does and has done.
import { html } from "../vendor/preact-htm.js";
import { Link } from "../text/links.js";
import { withEmoji } from "../text/emoji.js";
import { RichText } from "../text/rich_text.js";

const STATES = {
  pending: ["○", "Not started"],
  in_progress: ["", "In progress"],
  complete: ["✓", "Done"],
  error: ["!", "Failed"],
};

function State({ status }) {
  const [mark, word] = STATES[status] ?? ["?", status];
  return html`<span class=${`task-state task-${status}`} role="img" aria-label=${word} title=${word}>${mark}</span>`;
}

/** One task with its details, output and sources. */
export function TaskCard({ block: task }) {
  const body = [
    task.details && html`<${RichText} block=${task.details} />`,
    task.output && html`<div class="task-output"><${RichText} block=${task.output} /></div>`,
    task.sources?.length > 0 &&
      html`<div class="task-sources">${task.sources.map((source) => html`<${Link} class="chip" url=${source.url}>${source.text ?? source.url}<//>`)}</div>`,
  ].filter(Boolean);
  const head = html`<${State} status=${task.status} /><span class="task-title">${withEmoji(task.title)}</span>`;
  if (!body.length) return html`<div class="task"><div class="task-head">${head}</div></div>`;
  return html`<details class="task" open><summary class="task-head">${head}</summary><div class="task-body">${body}</div></details>`;
}

/** A titled list of tasks, with how many are done. */
export function Plan({ block }) {
  const tasks = block.tasks ?? [];
  const done = tasks.filter((task) => task.status === "complete").length;
  return html`<details class="plan" open>
    <summary class="plan-title">${withEmoji(block.title)}<span class="muted">${done} of ${tasks.length} done</span></summary>
    <div class="plan-tasks" role="list">${tasks.map((task) => html`<div role="listitem" key=${task.task_id}><${TaskCard} block=${task} /></div>`)}</div>
  </details>`;
}
