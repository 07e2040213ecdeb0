// The page's own dialogs, by kind; one is open at a time.
import { html } from "../vendor/preact-htm.js";
import { set, useStore } from "../core/store.js";
import { BookmarkDialog, TopicDialog } from "./channel_forms.js";
import { BrowseDialog, CreateDialog, PeopleDialog } from "./browse.js";
import { CanvasDialog } from "./canvas.js";
import { DetailsDialog } from "./details.js";
import { JumpDialog } from "./jump.js";
import { ProfileDialog } from "./profile.js";
import { DeleteDialog } from "./delete_dialog.js";

const KINDS = {
  jump: JumpDialog,
  browse: BrowseDialog,
  create: CreateDialog,
  people: PeopleDialog,
  profile: ProfileDialog,
  details: DetailsDialog,
  topic: TopicDialog,
  bookmark: BookmarkDialog,
  canvas: CanvasDialog,
  delete: DeleteDialog,
};

export function Dialogs() {
  const dialog = useStore((state) => state.dialog);
  const Kind = KINDS[dialog?.kind];
  return Kind ? html`<${Kind} key=${dialog.kind + (dialog.id ?? "")} ...${dialog} close=${() => set({ dialog: null })} />` : null;
}
