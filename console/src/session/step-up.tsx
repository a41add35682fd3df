/** What is asked needs a login that has just been made: says so, and logs in again on top of the page. */

import { Button } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";

import { escaped } from "../design/hidden";
import { type Key, useSpeech } from "../words/words";
import { useSession } from "./use-session";

interface Props {
  readonly verb: Key;
  /** The same person is back. */
  readonly done: () => void;
}

export function StepUp({ verb, done }: Props) {
  const { say } = useSpeech();
  const session = useSession();
  const again = useMutation({
    mutationFn: async () => await session.signInAgain(true),
    onSuccess: (isBack) => {
      if (isBack) done();
    },
  });
  return (
    <>
      <span>{again.error === null ? say("login.step_up.lead") : say("login.failed", { reason: escaped(again.error.message) })}</span>
      <Button size="compact-sm" onClick={() => { again.mutate(); }}>
        {say(verb)}
      </Button>
    </>
  );
}
