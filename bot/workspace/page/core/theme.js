// Light, dark, or as the system has it.
const KEY = "workspace.theme";

export const chosen = () => localStorage.getItem(KEY) ?? "system";

export function choose(theme) {
  if (theme === "system") localStorage.removeItem(KEY);
  else localStorage.setItem(KEY, theme);
  apply();
}

/** Set what the stylesheet reads. */
export function apply() {
  const theme = chosen();
  if (theme === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
}
