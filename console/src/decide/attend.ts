/** What goes on, waits or ends with the session: questions that were refused, decisions on their way, the live connection. */

import type { QueryClient } from "@tanstack/react-query";

import { recover } from "../api/queries";
import type { Live } from "../live/live";
import type { Session } from "../session/session";
import type { Desk } from "./outgoing";

/** Returns what ends it. */
export function attend(session: Session, cached: QueryClient, desk: Pick<Desk, "pause" | "goOn" | "close">, live: Pick<Live, "wake">): () => void {
  return session.subscribe(() => {
    switch (session.now().kind) {
      case "in":
        void recover(cached);
        live.wake();
        desk.goOn();
        return;
      case "ended":
        desk.pause();
        return;
      case "out":
        desk.close();
    }
  });
}
