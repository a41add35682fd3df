/** Why a person has to decide: the rules that did not pass, how far away automatic was, and those that passed. */

import type { Detail, Rule } from "../api/types";
import { Chip, Foreign } from "../design/piece";
import { useSpeech } from "../words/words";
import css from "./why.module.css";

export function Why({ detail }: { readonly detail: Detail }) {
  const { say } = useSpeech();
  const { rules, policy_version: version } = detail.verdict;
  const against = rules.filter(({ outcome }) => outcome !== "passed");
  const passed = rules.filter(({ outcome }) => outcome === "passed");
  return (
    <section className={css["why"]} aria-label={say("card.why")}>
      <h2>{say("card.why")}</h2>
      <ul className={css["rules"]}>
        {against.map((rule) => (
          <Line key={rule.rule} rule={rule} />
        ))}
      </ul>
      {passed.length > 0 && (
        <details>
          <summary>
            {say("card.rules.passed", { count: passed.length })} · {say("card.rules.policy", { version })}
          </summary>
          <ul className={css["rules"]}>
            {passed.map((rule) => (
              <Line key={rule.rule} rule={rule} />
            ))}
          </ul>
        </details>
      )}
    </section>
  );
}

function Line({ rule }: { readonly rule: Rule }) {
  const { say, sayOr, number } = useSpeech();
  const tone = rule.outcome === "passed" ? "good" : rule.outcome === "failed" ? "bad" : "doubt";
  return (
    <li className={css["rule"]}>
      <Chip tone={tone}>{say(`outcome.${rule.outcome}`)}</Chip>
      <span>
        {sayOr(`rule.${rule.rule}`, rule.rule)}
        <code className={css["name"]}>{rule.rule}</code>
      </span>
      <span className={css["detail"]}>
        {rule.detail !== "" && <Foreign text={rule.detail} />}
        {typeof rule.distance === "number" && rule.outcome !== "passed" && (
          <strong> {say("card.why.distance", { by: number(rule.distance, { maximumFractionDigits: 3 }) })}</strong>
        )}
      </span>
    </li>
  );
}
