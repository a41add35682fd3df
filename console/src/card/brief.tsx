/** The vulnerability as upstream describes it. All of it is text from outside: references open on a click and tell nobody whence. */

import type { Cvss, Detail } from "../api/types";
import { escaped } from "../design/hidden";
import { Chip, Fact, Foreign, Grade } from "../design/piece";
import { useSpeech } from "../words/words";
import css from "./brief.module.css";
import { text, texts, webAddress } from "./foreign";

export function Brief({ detail }: { readonly detail: Detail }) {
  const { say } = useSpeech();
  const said = detail.vulnerability;
  const summary = text(said, "summary");
  const description = text(said, "description");
  const versions = [text(said, "current_version"), text(said, "target_version")].filter((one) => one !== null);
  const references = texts(said, "references");
  return (
    <div className={css["brief"]}>
      <div className={css["ids"]}>
        {detail.cve_id !== null && (
          <Chip tone="info">
            <Foreign text={detail.cve_id} />
          </Chip>
        )}
        <Grade value={said.severity} of="severity" />
        {texts(said, "cwe_ids").map((one) => (
          <Chip key={one}>
            <Foreign text={one} />
          </Chip>
        ))}
      </div>
      {summary === null && description === null && <p>{say("card.no_summary")}</p>}
      {summary !== null && (
        <p className={css["summary"]}>
          <Foreign text={summary} />
        </p>
      )}
      {description !== null && (
        <p>
          <Foreign text={description} />
        </p>
      )}
      {detail.cvss !== null && <Vector cvss={detail.cvss} />}
      <dl>
        {text(said, "package") !== null && (
          <Fact name={say("card.package")}>
            <Foreign text={[text(said, "package"), text(said, "ecosystem")].filter((one) => one !== null).join(" · ")} />
          </Fact>
        )}
        {versions.length > 0 && (
          <Fact name={say("card.versions")}>
            <Foreign text={versions.join(" → ")} />
          </Fact>
        )}
        {texts(said, "affected_systems").length > 0 && (
          <Fact name={say("card.affected")}>
            <Foreign text={texts(said, "affected_systems").join(", ")} />
          </Fact>
        )}
        {references.length > 0 && (
          <Fact name={say("card.references")}>
            <ul className={css["references"]}>
              {references.map((one, index) => (
                <li key={index}>
                  <Reference said={one} />
                </li>
              ))}
            </ul>
          </Fact>
        )}
      </dl>
    </div>
  );
}

/** Only web addresses can be opened; all others stay text. */
function Reference({ said }: { readonly said: string }) {
  const address = webAddress(said);
  if (address === null) return <Foreign text={said} />;
  return (
    <a href={address.href} target="_blank" rel="noreferrer noopener nofollow" referrerPolicy="no-referrer">
      <Foreign text={said} />
    </a>
  );
}

function Vector({ cvss }: { readonly cvss: Cvss }) {
  const { say, number } = useSpeech();
  if (cvss.problem !== null) {
    return (
      <p>
        <Foreign text={cvss.vector} />: {say("card.cvss.unreadable", { problem: escaped(cvss.problem) })}
      </p>
    );
  }
  return (
    <details className={css["cvss"]}>
      <summary>
        CVSS {cvss.version} <strong>{cvss.score === null ? "" : number(cvss.score, { minimumFractionDigits: 1 })}</strong>
        <code>
          <Foreign text={cvss.vector} />
        </code>
      </summary>
      <dl>
        {cvss.metrics.map(({ metric, name, value, means }) => (
          <Fact key={metric} name={name}>
            {means} <code>{`${metric}:${value}`}</code>
          </Fact>
        ))}
      </dl>
    </details>
  );
}
