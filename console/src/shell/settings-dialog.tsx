/** Language, colours and keys of this browser. */

import { SegmentedControl, Stack, Switch, useMantineColorScheme } from "@mantine/core";

import { Dialog } from "../design/dialog";
import type { Settings } from "../design/settings";
import { useSpeech } from "../words/words";

interface Props {
  readonly opened: boolean;
  readonly close: () => void;
  readonly settings: Settings;
  readonly change: (settings: Settings) => void;
}

export function SettingsDialog({ opened, close, settings, change }: Props) {
  const { say } = useSpeech();
  const { colorScheme, setColorScheme } = useMantineColorScheme();
  return (
    <Dialog opened={opened} onClose={close} title={say("nav.settings")}>
      <Stack>
        <fieldset>
          <legend>{say("settings.language")}</legend>
          <SegmentedControl
            value={settings.language}
            data={[
              { value: "en", label: "English" },
              { value: "pt", label: "Português" },
            ]}
            onChange={(language) => { change({ ...settings, language: language === "pt" ? "pt" : "en" }); }}
          />
        </fieldset>
        <fieldset>
          <legend>{say("settings.theme")}</legend>
          <SegmentedControl
            value={colorScheme}
            data={[
              { value: "auto", label: say("theme.auto") },
              { value: "light", label: say("theme.light") },
              { value: "dark", label: say("theme.dark") },
            ]}
            onChange={(scheme) => { setColorScheme(scheme === "dark" || scheme === "light" ? scheme : "auto"); }}
          />
        </fieldset>
        <Switch
          checked={settings.keys}
          label={say("settings.keys")}
          onChange={({ currentTarget }) => { change({ ...settings, keys: currentTarget.checked }); }}
        />
        <Switch
          checked={settings.hold}
          label={say("settings.hold")}
          description={say("settings.hold.lead")}
          onChange={({ currentTarget }) => { change({ ...settings, hold: currentTarget.checked }); }}
        />
      </Stack>
    </Dialog>
  );
}
