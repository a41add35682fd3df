/** Where one logs in: with the provider, or in the demo as one of its people. */

import { Button } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";

import type { ConsoleConfig } from "../api/types";
import { Failure, Loading } from "../design/state";
import { useSpeech } from "../words/words";
import { people } from "./demo";
import css from "./login-page.module.css";
import { useSession, useSessionState } from "./use-session";

export function LoginPage({ config }: { readonly config: ConsoleConfig }) {
  const { say } = useSpeech();
  const session = useSession();
  const state = useSessionState();
  const failure = state.kind === "out" ? state.failure : null;
  return (
    <main className={css["page"]}>
      <div className={css["box"]}>
        <h1>{say("login.title")}</h1>
        <p>{say("login.lead")}</p>
        {failure !== null && (
          <p role="alert" className={css["failure"]}>
            {say("login.failed", { reason: failure })}
          </p>
        )}
        {config.login.kind === "demo" ? (
          <People />
        ) : (
          <Button size="md" onClick={() => void session.signIn()}>
            {say("login.button")}
          </Button>
        )}
        <p className={css["build"]}>
          {say("app.name")} {config.build} · {config.environment}
        </p>
      </div>
    </main>
  );
}

function People() {
  const { say, sayOr } = useSpeech();
  const session = useSession();
  const { data, error, refetch } = useQuery({ queryKey: ["demo", "people"], queryFn: people });
  if (error !== null) return <Failure failure={error} again={() => void refetch()} />;
  if (data === undefined) return <Loading lines={4} height={44} />;
  const persons = data.filter(({ roles }) => !roles.every((role) => role === "gate" || role === "smoke"));
  return (
    <>
      <p>{say("login.demo")}</p>
      <ul className={css["people"]}>
        {persons.map(({ name, roles }) => (
          <li key={name}>
            <button type="button" className={css["somebody"]} onClick={() => void session.signIn(name)}>
              <strong>{say("login.demo.person", { name })}</strong>
              <span>{roles.map((role) => sayOr(`role.${role}`, role)).join("; ")}</span>
            </button>
          </li>
        ))}
      </ul>
    </>
  );
}
