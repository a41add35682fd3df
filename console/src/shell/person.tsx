/** Who is here, and the way out: what was decided goes first, and where it cannot the person is told before they go. */

import { Button, Group, Loader, Menu } from "@mantine/core";
import { useState } from "react";

import { forgetOthers } from "../decide/draft";
import { useDesk, useHolds } from "../decide/work";
import { Dialog } from "../design/dialog";
import { escaped } from "../design/hidden";
import { DANGER } from "../design/theme";
import { useMe, useSession } from "../session/use-session";
import { useSpeech } from "../words/words";
import css from "./shell.module.css";

const PATIENCE_MS = 5_000;

export type Open = "keys" | "feedback" | "settings";

export function Person({ open }: { readonly open: (what: Open) => void }) {
  const { say } = useSpeech();
  const me = useMe();
  const session = useSession();
  const desk = useDesk();
  const holds = useHolds();
  const [isHeld, setHeld] = useState(false);
  const [isGoing, setGoing] = useState(false);
  const leave = (): void => {
    holds.leaveAll();
    // First of all: an answer that still comes must not write anything back, nor the page ask whether to stay.
    desk.close();
    forgetOthers(null);
    session.signOut();
  };
  const stay = (): void => {
    setHeld(false);
  };
  const signOut = async (): Promise<void> => {
    setGoing(true);
    if (await desk.flush(PATIENCE_MS)) leave();
    else setHeld(true);
    setGoing(false);
  };
  return (
    <>
      <Menu position="bottom-end" withinPortal={false}>
        <Menu.Target>
          <Button
            variant="subtle"
            size="compact-sm"
            color="gray"
            className={css["person"] ?? ""}
            title={escaped(me.subject)}
            leftSection={isGoing ? <Loader size={14} color="gray" aria-hidden /> : null}
          >
            {escaped(me.name ?? me.subject)}
          </Button>
        </Menu.Target>
        <Menu.Dropdown>
          <Menu.Label>{me.roles.join(", ")}</Menu.Label>
          <Menu.Item onClick={() => { open("settings"); }}>{say("nav.settings")}</Menu.Item>
          <Menu.Item onClick={() => { open("keys"); }}>{say("nav.help")}</Menu.Item>
          <Menu.Item onClick={() => { open("feedback"); }}>{say("nav.feedback")}</Menu.Item>
          <Menu.Divider />
          <Menu.Item disabled={isGoing} onClick={() => void signOut()}>
            {say("nav.sign_out")}
          </Menu.Item>
        </Menu.Dropdown>
      </Menu>
      <span role="status" className="unseen">
        {isGoing && say("nav.sign_out.going")}
      </span>
      <Dialog opened={isHeld} onClose={stay} title={say("nav.sign_out.held")}>
        <p>{say("nav.sign_out.held.lead")}</p>
        <Group justify="flex-end">
          <Button variant="default" data-autofocus onClick={stay}>
            {say("nav.sign_out.stay")}
          </Button>
          <Button color={DANGER} onClick={leave}>
            {say("nav.sign_out.anyway")}
          </Button>
        </Group>
      </Dialog>
    </>
  );
}
