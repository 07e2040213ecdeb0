// table and data_table blocks.
import { html, useState } from "../vendor/preact-htm.js";
import { plainOf, RichText } from "../text/rich_text.js";
import { withEmoji } from "../text/emoji.js";

function Cell({ cell }) {
  if (cell?.type === "rich_text") return html`<${RichText} block=${cell} />`;
  const value = cell?.text ?? cell?.value ?? cell?.number;
  return typeof value === "number" ? value.toLocaleString() : withEmoji(String(value ?? ""));
}

function column(settings, index) {
  const { align, is_wrapped: wrapped } = settings?.[index] ?? {};
  return { style: align ? `text-align:${align}` : null, class: wrapped ? "wrapped" : null };
}

/** A plain table; its first row is its head. */
export function Table({ block }) {
  const [head, ...rows] = block.rows ?? [];
  return html`<div class="table-scroll" tabindex="0" role="region" aria-label="Table">
    <table class="grid-table">
      <thead><tr>${head?.map((cell, index) => html`<th ...${column(block.column_settings, index)}><${Cell} cell=${cell} /></th>`)}</tr></thead>
      <tbody>
        ${rows.map((row) => html`<tr>${row.map((cell, index) => html`<td ...${column(block.column_settings, index)}><${Cell} cell=${cell} /></td>`)}</tr>`)}
      </tbody>
    </table>
  </div>`;
}

const PAGE = 10; // rows, where the block names no page_size

const sortKey = (cell) => (cell?.type === "rich_text" ? plainOf(cell) : (cell?.value ?? cell?.number ?? cell?.text ?? ""));

function compare(a, b) {
  const [left, right] = [sortKey(a), sortKey(b)];
  const [x, y] = [Number(left), Number(right)];
  if (left !== "" && right !== "" && !Number.isNaN(x) && !Number.isNaN(y)) return x - y;
  return String(left).localeCompare(String(right), undefined, { numeric: true });
}

/** A table one can sort and leaf through. */
export function DataTable({ block }) {
  const [sort, setSort] = useState(null);
  const [page, setPage] = useState(0);
  const [head, ...rows] = block.rows ?? [];
  const size = block.page_size ?? PAGE;
  const sorted = sort ? [...rows].sort((a, b) => compare(a[sort.column], b[sort.column]) * sort.way) : rows;
  const pages = Math.max(1, Math.ceil(rows.length / size));
  const turn = (index) => setSort({ column: index, way: sort?.column === index ? -sort.way : 1 });
  const said = (index) => (sort?.column !== index ? "none" : sort.way > 0 ? "ascending" : "descending");
  return html`<div class="table-scroll" tabindex="0" role="region" aria-label=${block.caption ?? "Table"}>
    <table class="grid-table">
      ${block.caption && html`<caption>${block.caption}</caption>`}
      <thead><tr>
        ${head?.map((cell, index) => html`<th aria-sort=${said(index)}>
          <button type="button" class="sort" onClick=${() => turn(index)}>
            <${Cell} cell=${cell} /> <span aria-hidden="true">${{ none: "↕", ascending: "↑", descending: "↓" }[said(index)]}</span>
          </button>
        </th>`)}
      </tr></thead>
      <tbody>
        ${sorted.slice(page * size, (page + 1) * size).map((row) => html`<tr>
          ${row.map((cell, index) =>
            index === (block.row_header_column_index ?? -1)
              ? html`<th scope="row"><${Cell} cell=${cell} /></th>`
              : html`<td><${Cell} cell=${cell} /></td>`)}
        </tr>`)}
      </tbody>
    </table>
    ${pages > 1 && html`<div class="pages">
      <button type="button" class="button small" disabled=${page === 0} onClick=${() => setPage(page - 1)}>Previous</button>
      <span>${page + 1} of ${pages}</span>
      <button type="button" class="button small" disabled=${page === pages - 1} onClick=${() => setPage(page + 1)}>Next</button>
    </div>`}
  </div>`;
}
