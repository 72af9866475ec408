/* Light, dark or as the system says; the choice is kept. */
export type Theme = "light" | "dark" | "system";
const name = "modellab.theme";
const dark = matchMedia("(prefers-color-scheme: dark)");

export function getTheme(): Theme {
  const kept = localStorage.getItem(name);
  return kept === "light" || kept === "dark" ? kept : "system";
}

export function applyTheme(theme: Theme): void {
  if (theme === "system") localStorage.removeItem(name);
  else localStorage.setItem(name, theme);
  document.documentElement.dataset.theme = theme === "system" ? (dark.matches ? "dark" : "light") : theme;
}

dark.addEventListener("change", () => applyTheme(getTheme()));
applyTheme(getTheme());
