/** All keys that work on this page, and the switch that turns them off. */

import { Switch } from "@mantine/core";

import { Dialog } from "../design/dialog";
import type { Settings } from "../design/settings";
import { useBindings } from "../keyboard/use-keys";
import { type Key, useSpeech } from "../words/words";
import css from "./keys-dialog.module.css";

interface Props {
  readonly opened: boolean;
  readonly close: () => void;
  readonly settings: Settings;
  readonly change: (settings: Settings) => void;
}

export function Keys({ opened, close, settings, change }: Props) {
  const { say } = useSpeech();
  const { bindings } = useBindings();
  const last = new Map(bindings.map((one) => [one.keys, one.what]));
  return (
    <Dialog opened={opened} onClose={close} title={say("keys.title")} size="md">
      <Switch
        checked={settings.keys}
        label={say("keys.switch")}
        onChange={({ currentTarget }) => { change({ ...settings, keys: currentTarget.checked }); }}
      />
      {!settings.keys && <p>{say("keys.off")}</p>}
      <dl className={css["keys"]}>
        {[...last].map(([keys, what]) => (
          <div key={keys} className={css["line"]}>
            <dt>
              <Caps keys={keys} />
            </dt>
            <dd>{say(what as Key)}</dd>
          </div>
        ))}
      </dl>
    </Dialog>
  );
}

/** "g a" as two caps. */
export function Caps({ keys }: { readonly keys: string }) {
  const { say } = useSpeech();
  return keys.split(" ").map((one, index) => (
    <span key={one}>
      {index > 0 && <span className={css["then"]}> {say("keys.then")} </span>}
      <kbd className={css["cap"]}>{one.replace("Shift+", "⇧ ").toUpperCase()}</kbd>
    </span>
  ));
}
