/** On top of everything when the session has ended: what lies below stays as it is. */

import { Button } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";

import { Dialog } from "../design/dialog";
import { useSpeech } from "../words/words";
import { useSession, useSessionState } from "./use-session";

export function SessionEnded() {
  const { say } = useSpeech();
  const session = useSession();
  const state = useSessionState();
  const again = useMutation({ mutationFn: async () => await session.signInAgain() });
  return (
    <Dialog
      opened={state.kind === "ended"}
      onClose={() => undefined}
      topmost
      withCloseButton={false}
      closeOnEscape={false}
      closeOnClickOutside={false}
      title={say("login.ended")}
    >
      <p>{say("login.ended.lead")}</p>
      {again.error !== null && <p role="alert">{say("login.failed", { reason: again.error.message })}</p>}
      <Button data-autofocus onClick={() => { again.mutate(); }}>
        {say("login.again")}
      </Button>
    </Dialog>
  );
}
