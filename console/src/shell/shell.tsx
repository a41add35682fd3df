/** The frame of every page: where one can go, whether it is live, who is here, and what is being sent. */

import { type ReactNode, useEffect, useState } from "react";
import { Link, useLocation } from "wouter";

import type { ConsoleConfig } from "../api/types";
import type { Settings } from "../design/settings";
import { Outbox } from "../decide/outbox";
import { useConnection } from "../live/use-live";
import { useKeys } from "../keyboard/use-keys";
import { PLACES, useGo } from "../place";
import { SessionEnded } from "../session/session-ended";
import { useMay } from "../session/use-session";
import { useSpeech } from "../words/words";
import { Feedback } from "./feedback";
import { FootContext } from "./foot";
import { Keys } from "./keys-dialog";
import { type Open, Person } from "./person";
import { SettingsDialog } from "./settings-dialog";
import css from "./shell.module.css";

interface Props {
  readonly config: ConsoleConfig;
  readonly settings: Settings;
  readonly change: (settings: Settings) => void;
  readonly children: ReactNode;
}

export function Shell({ config, settings, change, children }: Props) {
  const { say } = useSpeech();
  const [open, setOpen] = useState<Open | null>(null);
  const [foot, setFoot] = useState<HTMLElement | null>(null);
  const mayAudit = useMay("auditor", "policy-admin", "reviewer");
  const close = (): void => {
    setOpen(null);
  };
  const go = useGo();
  useKeys({
    "?": { what: "keys.help", run: () => { setOpen("keys"); } },
    "g t": { what: "nav.turn", run: () => { go(PLACES.turn); } },
    "g h": mayAudit ? { what: "nav.audit", run: () => { go(PLACES.audit); } } : null,
    "g n": { what: "nav.numbers", run: () => { go(PLACES.numbers); } },
    "g f": { what: "nav.feedback", run: () => { setOpen("feedback"); } },
    "g s": { what: "nav.settings", run: () => { setOpen("settings"); } },
  });
  return (
    <div className={css["shell"]}>
      <a className="skip" href="#content">
        {say("app.skip")}
      </a>
      <header className={css["bar"]}>
        <span className={css["brand"]}>
          <Mark />
          {say("app.name")}
        </span>
        <nav className={css["nav"]} aria-label={say("app.name")}>
          <Tab to={PLACES.turn} also={PLACES.patch} name={say("nav.turn")} />
          {mayAudit && <Tab to={PLACES.audit} name={say("nav.audit")} />}
          <Tab to={PLACES.numbers} name={say("nav.numbers")} />
        </nav>
        <Offline />
        <Liveness />
        <Person open={setOpen} />
      </header>
      <main id="content" tabIndex={-1} className={css["content"]}>
        <FootContext value={foot}>{children}</FootContext>
      </main>
      <div className={css["foot"]}>
        <Outbox />
        <div ref={setFoot} />
      </div>
      <SessionEnded />
      <Keys opened={open === "keys"} close={close} settings={settings} change={change} />
      <Feedback opened={open === "feedback"} close={close} build={config.build} />
      <SettingsDialog opened={open === "settings"} close={close} settings={settings} change={change} />
    </div>
  );
}

function Tab({ to, also, name }: { readonly to: string; readonly also?: string; readonly name: string }) {
  const [at] = useLocation();
  const isHere = at === to || at === also;
  return (
    <Link href={to} className={css["tab"] ?? ""} aria-current={isHere ? "page" : undefined}>
      {name}
    </Link>
  );
}

function Liveness() {
  const { say } = useSpeech();
  const connection = useConnection();
  const word = say(connection === "on" ? "live.on" : connection === "connecting" ? "live.connecting" : "live.off");
  return (
    <span role="status" className={css["live"]} data-connection={connection}>
      {word}
    </span>
  );
}

/** Said only once it lasts, and in the bar, where it moves nothing: a connection that comes back within a moment is nobody's concern. */
function Offline() {
  const { say } = useSpeech();
  const connection = useConnection();
  const [lasts, setLasts] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => { setLasts(connection !== "on"); }, connection === "on" ? 0 : 3_000);
    return () => {
      clearTimeout(timer);
    };
  }, [connection]);
  if (!lasts) return null;
  return (
    <div role="alert" className={css["offline"]}>
      {say("state.offline")}
    </div>
  );
}

/** A gate with one leaf open. */
function Mark() {
  return (
    <svg width="18" height="18" viewBox="0 0 18 18" aria-hidden="true" fill="none" stroke="currentColor" strokeWidth="2">
      <path d="M2 16V3h14v13" />
      <path d="M2 16l6-3V6L2 3" fill="currentColor" stroke="none" />
    </svg>
  );
}
