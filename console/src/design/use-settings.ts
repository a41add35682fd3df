import { createContext, useContext } from "react";

import type { Settings } from "./settings";

export const SettingsContext = createContext<Settings | null>(null);

/** What this person chose for this browser. */
export function useSettings(): Settings {
  const settings = useContext(SettingsContext);
  if (settings === null) throw new Error("no settings around");
  return settings;
}
