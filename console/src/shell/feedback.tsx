/** A box for what is in somebody's way: kept with the page and the build. */

import { Button, Textarea } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { useState } from "react";

import { TEXT_MAX } from "../api/limits";
import { Dialog } from "../design/dialog";
import { Failure } from "../design/state";
import { useClient } from "../session/use-session";
import { useSpeech } from "../words/words";

interface Props {
  readonly opened: boolean;
  readonly close: () => void;
  readonly build: string;
}

export function Feedback({ opened, close, build }: Props) {
  const { say } = useSpeech();
  const client = useClient();
  const [text, setText] = useState("");
  const sending = useMutation({
    // The page and not its address: what somebody searched for is nobody's business.
    mutationFn: async () => await client.post("/hitl/feedback", { body: { text, page: location.pathname, build }, key: crypto.randomUUID() }),
    onSuccess: () => {
      setText("");
    },
  });
  const leave = (): void => {
    sending.reset();
    close();
  };
  return (
    <Dialog opened={opened} onClose={leave} title={say("feedback.title")}>
      {sending.isSuccess ? (
        <p role="status">{say("feedback.sent")}</p>
      ) : (
        <form
          onSubmit={(event) => {
            event.preventDefault();
            sending.mutate();
          }}
        >
          <p>{say("feedback.lead")}</p>
          <Textarea
            label={say("feedback.text")}
            autosize
            minRows={4}
            maxLength={TEXT_MAX}
            required
            data-autofocus
            value={text}
            onChange={({ currentTarget }) => { setText(currentTarget.value); }}
          />
          {sending.error !== null && <Failure failure={sending.error} />}
          <Button type="submit" mt="md" loading={sending.isPending} disabled={text.trim() === ""}>
            {say("feedback.send")}
          </Button>
        </form>
      )}
    </Dialog>
  );
}
