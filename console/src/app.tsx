/** Everything around the pages: look, language, keys, session, cache, live connection. */

import { MantineProvider } from "@mantine/core";
import { QueryClientProvider } from "@tanstack/react-query";
import { Suspense, lazy, useEffect, useLayoutEffect, useMemo, useState } from "react";
import { Route, Switch, useLocation, useSearchParams } from "wouter";

import { cache } from "./api/queries";
import type { ConsoleConfig } from "./api/types";
import { type Settings, load, save } from "./design/settings";
import { Empty, Loading, Region } from "./design/state";
import { theme, variables } from "./design/theme";
import { SettingsContext } from "./design/use-settings";
import { Work } from "./decide/work";
import { Keyboard } from "./keyboard/keys";
import { KeyboardContext } from "./keyboard/use-keys";
import { People } from "./people/people";
import { PeopleContext } from "./people/use-people";
import { PLACES } from "./place";
import { TurnPage } from "./queue/turn-page";
import { LoginPage } from "./session/login-page";
import type { Session } from "./session/session";
import { SessionContext, useClient, useSessionState } from "./session/use-session";
import { Shell } from "./shell/shell";
import { en } from "./words/en";
import { type Speech, SpeechContext, speech, useSpeech } from "./words/words";

const CardPage = lazy(() => import("./card/card-page"));
const AuditPage = lazy(() => import("./audit/audit-page"));
const NumbersPage = lazy(() => import("./numbers/numbers-page"));

const ENGLISH = speech("en", en);

interface Props {
  readonly config: ConsoleConfig;
  readonly session: Session;
  readonly nonce: string;
}

export function App({ config, session, nonce }: Props) {
  const [settings, setSettings] = useState(load);
  const [spoken, setSpoken] = useState<Speech>(ENGLISH);
  const [cached] = useState(cache);
  const [keyboard] = useState(() => new Keyboard(settings.keys));
  useEffect(() => {
    save(settings);
    keyboard.switch(settings.keys);
    let current = true;
    void speechOf(settings.language).then((found) => {
      if (current) setSpoken(found);
    });
    document.documentElement.lang = settings.language;
    return () => {
      current = false;
    };
  }, [settings, keyboard]);
  // Before any dialog is there: it closes on its way down to what has the focus, and the keyboard has to have seen it by then.
  useLayoutEffect(() => {
    const begin = (event: KeyboardEvent): void => {
      keyboard.begin(event);
    };
    const press = (event: KeyboardEvent): void => {
      if (keyboard.press(event)) event.preventDefault();
    };
    window.addEventListener("keydown", begin, { capture: true });
    document.addEventListener("keydown", press);
    return () => {
      window.removeEventListener("keydown", begin, { capture: true });
      document.removeEventListener("keydown", press);
    };
  }, [keyboard]);
  return (
    <MantineProvider theme={theme} cssVariablesResolver={variables} defaultColorScheme="auto" getStyleNonce={() => nonce}>
      <SpeechContext value={spoken}>
        <KeyboardContext value={keyboard}>
          <SessionContext value={session}>
            <QueryClientProvider client={cached}>
              <Region>
                <Inside config={config} settings={settings} change={setSettings} />
              </Region>
            </QueryClientProvider>
          </SessionContext>
        </KeyboardContext>
      </SpeechContext>
    </MantineProvider>
  );
}

interface InsideProps {
  readonly config: ConsoleConfig;
  readonly settings: Settings;
  readonly change: (settings: Settings) => void;
}

function Inside({ config, settings, change }: InsideProps) {
  const state = useSessionState();
  const who = useMemo(() => (state.kind === "out" ? null : state.me.subject), [state]);
  const client = useClient();
  const [people] = useState(() => new People(client));
  if (who === null) return <LoginPage config={config} />;
  return (
    <PeopleContext value={people}>
      <SettingsContext value={settings}>
        <Work key={who}>
          <Shell config={config} settings={settings} change={change}>
            <Pages />
          </Shell>
        </Work>
      </SettingsContext>
    </PeopleContext>
  );
}

function Pages() {
  const { say } = useSpeech();
  const [at] = useLocation();
  const [params] = useSearchParams();
  return (
    <Region key={`${at} ${params.get("id") ?? ""}`}>
      <Suspense fallback={<Loading isPage />}>
        <Switch>
          <Route path={PLACES.turn} component={TurnPage} />
          <Route path={PLACES.patch} component={CardPage} />
          <Route path={PLACES.audit} component={AuditPage} />
          <Route path={PLACES.numbers} component={NumbersPage} />
          <Route>
            <Empty title={say("state.not_found")} isPage />
          </Route>
        </Switch>
      </Suspense>
    </Region>
  );
}

async function speechOf(language: Settings["language"]): Promise<Speech> {
  return language === "en" ? ENGLISH : speech("pt", (await import("./words/pt")).pt);
}
