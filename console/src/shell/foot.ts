/** The foot of the page, always in sight: what is on its way, and below it what the page puts there. */

import { createContext } from "react";

/** Where a page puts it; null until the frame is there. */
export const FootContext = createContext<HTMLElement | null>(null);
