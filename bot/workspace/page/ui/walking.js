// Walking through messages with the arrow keys: one of them is in the tab order, the arrows move it.

/** Keydown for a list of [data-ts] rows. */
export function walkMessages(event) {
  const row = event.target.closest("[data-ts]");
  if (event.target !== row) return;
  const rows = [...event.currentTarget.querySelectorAll("[data-ts]")];
  const at = rows.indexOf(row);
  const next = { ArrowUp: rows[at - 1], ArrowDown: rows[at + 1], Home: rows[0], End: rows.at(-1) }[event.key];
  if (!next) return;
  event.preventDefault();
  row.tabIndex = -1;
  next.tabIndex = 0;
  next.focus();
}
