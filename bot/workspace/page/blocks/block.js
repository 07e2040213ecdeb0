// One Block Kit block: finds who draws it, keeps a broken one from breaking the page, and shows what went wrong with it.
import { html, useContext, useErrorBoundary } from "../vendor/preact-htm.js";
import { Surface } from "../core/surface.js";
import { useStore } from "../core/store.js";
import { Card, Carousel, Container } from "./cards.js";
import { Actions, ContextActions } from "./elements.js";
import { InputBlock } from "./input.js";
import { Alert, Context, Divider, FileBlock, Header, ImageBlock, MarkdownBlock, RichTextBlock, Section, Video } from "./layout.js";
import { DataTable, Table } from "./tables.js";
import { Plan, TaskCard } from "./tasks.js";
import { Unknown } from "./unknown.js";

const KINDS = {
  section: Section,
  header: Header,
  divider: Divider,
  context: Context,
  image: ImageBlock,
  markdown: MarkdownBlock,
  rich_text: RichTextBlock,
  file: FileBlock,
  video: Video,
  alert: Alert,
  actions: Actions,
  context_actions: ContextActions,
  input: InputBlock,
  table: Table,
  data_table: DataTable,
  plan: Plan,
  task_card: TaskCard,
  card: Card,
  carousel: Carousel,
  container: Container,
};

// What holds blocks of its own is handed how to draw them: `inner`.
function Drawn({ block }) {
  const [fault] = useErrorBoundary((error) => console.error("A block could not be drawn", block, error));
  const Kind = KINDS[block?.type];
  if (fault) return html`<${Unknown} what=${`this “${block?.type}” block: ${fault.message}`} data=${block} />`;
  if (!Kind) return html`<${Unknown} what=${`blocks of type “${block?.type}”`} data=${block} />`;
  return html`<${Kind} block=${block} inner=${Blocks} />`;
}

function Fault({ block }) {
  const surface = useContext(Surface);
  const sentence = useStore((state) => state.faults[surface?.key]?.[block.block_id]);
  if (!sentence || block.type === "input") return null;
  return html`<div class="block-fault" role="alert">⚠ ${sentence}</div>`;
}

/** Show a list of blocks. Blocks keep their identity by block_id, so that typing survives updates. */
export function Blocks({ blocks }) {
  return html`<div class="blocks">
    ${(blocks ?? []).map(
      (block, index) => html`<div class=${`block block-${block?.type}`} key=${`${block?.block_id ?? index}:${block?.type}`} data-block=${block?.block_id}>
        <${Drawn} block=${block} />
        <${Fault} block=${block} />
      </div>`,
    )}
  </div>`;
}
