/** A dialog: there at once, so that who types on is heard, and with a way out that has a name. */

import { Modal, type ModalProps } from "@mantine/core";
import { useEffect, useState } from "react";

import { useSessionState } from "../session/use-session";
import { useSpeech } from "../words/words";

// Mantine has its dialogs at 200.
const TOPMOST = 300;

interface Props extends Pick<ModalProps, "opened" | "onClose" | "title" | "size" | "children" | "withCloseButton" | "closeOnEscape" | "closeOnClickOutside"> {
  /** It comes by itself, whatever else is open. */
  readonly topmost?: boolean;
}

export function Dialog({ title, children, withCloseButton = true, topmost = false, ...others }: Props) {
  const { say } = useSpeech();
  useReturn(others.opened);
  // Escape is heard by every dialog that is open, also by those below the topmost one.
  const isCovered = useSessionState().kind === "ended" && !topmost;
  return (
    <Modal.Root
      transitionProps={{ duration: 0 }}
      {...(topmost ? { zIndex: TOPMOST } : {})}
      {...others}
      {...(isCovered ? { closeOnEscape: false } : {})}
    >
      <Modal.Overlay />
      <Modal.Content>
        {/* A page has one banner, and this is none. */}
        <Modal.Header role="presentation">
          <Modal.Title>{title}</Modal.Title>
          {withCloseButton && <Modal.CloseButton aria-label={say("dialog.close")} />}
        </Modal.Header>
        <Modal.Body>{children}</Modal.Body>
      </Modal.Content>
    </Modal.Root>
  );
}

/** Who closes a dialog goes on where they were. Mantine sees to it for one that opens and closes, not for one that comes and goes. */
function useReturn(opened: boolean): void {
  const [before] = useState(() => (opened ? document.activeElement : null));
  useEffect(
    () => () => {
      const isFree = document.activeElement === null || document.activeElement === document.body;
      const to = before?.isConnected === true ? before : openerOf(before);
      if (isFree && to instanceof HTMLElement) to.focus({ preventScroll: true });
    },
    [before],
  );
}

/** What opened the menu that is closed by now. */
function openerOf(item: Element | null): Element | null {
  const name = item?.closest("[role=menu]")?.getAttribute("aria-labelledby");
  return name == null ? null : document.getElementById(name);
}
