/** Whoever goes on to the next review holds it while it is open, so that two who work down the same queue do not read the same one. */

import { useEffect, useRef, useState } from "react";
import { useHistoryState } from "wouter/use-browser-location";

import { useSettings } from "../design/use-settings";
import { BY_NEXT } from "../place";
import { useHolds } from "./work";

/** `isPossible` once it is on the screen, and for this person to decide. */
export function useHold(patchId: string, isPossible: boolean): void {
  const { hold } = useSettings();
  const came = useHistoryState<unknown>();
  const [wasLed] = useState(came === BY_NEXT);
  const holds = useHolds();
  const hasTaken = useRef(false);
  // Who comes back to it, or reads it anew, was not led there again.
  useEffect(() => {
    if (wasLed) history.replaceState(null, "");
  }, [wasLed]);
  useEffect(() => {
    if (!hold || !wasLed || !isPossible || hasTaken.current) return;
    hasTaken.current = true;
    holds.take(patchId);
  }, [hold, wasLed, isPossible, holds, patchId]);
  useEffect(
    () => () => {
      holds.leave(patchId);
    },
    [holds, patchId],
  );
}
