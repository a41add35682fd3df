/** Where the patch comes from: who made it, how, and the digest that a decision is bound to. */

import type { Author, Detail } from "../api/types";
import { Fact, Foreign, Grade } from "../design/piece";
import { useNames } from "../people/use-people";
import { type Speech, useSpeech } from "../words/words";
import css from "./brief.module.css";
import { webAddress } from "./foreign";

export function PatchFacts({ detail }: { readonly detail: Detail }) {
  const speech = useSpeech();
  const { say } = speech;
  const { patch, authors } = detail;
  const nameOf = useNames(...authors.map(({ person }) => person));
  const pull = patch.pr_url === null ? null : webAddress(patch.pr_url);
  return (
    <div className={css["brief"]}>
      {patch.flagged === true && (
        <p role="note">
          <strong>{say(patch.flag_reason === null ? "card.flagged.no_reason" : "card.flagged")}</strong>{" "}
          {patch.flag_reason !== null && <Foreign text={patch.flag_reason} />}
        </p>
      )}
      <dl>
        <Fact name={say("filter.risk")}>
          <Grade value={patch.risk} of="risk" />
        </Fact>
        {patch.strategy !== null && (
          <Fact name={say("card.strategy")}>
            <Foreign text={patch.strategy.replaceAll("_", " ")} />
          </Fact>
        )}
        {authors.map((author) => (
          <Fact key={`${author.source} ${author.author ?? ""}`} name={say("card.author")}>
            <Foreign text={[author.author, author.source].filter((one) => one !== null).join(" · ")} /> ({kindOf(author, speech, nameOf)})
          </Fact>
        ))}
        {patch.pr_url !== null && (
          <Fact name={say("card.pull_request")}>
            {pull === null ? (
              <Foreign text={patch.pr_url} />
            ) : (
              <a href={pull.href} target="_blank" rel="noreferrer noopener nofollow" referrerPolicy="no-referrer">
                <Foreign text={patch.pr_url} />
              </a>
            )}
          </Fact>
        )}
        {patch.commit_sha !== null && (
          <Fact name={say("card.commit")}>
            <code>
              <Foreign text={patch.commit_sha} />
            </code>
          </Fact>
        )}
        {patch.patch_digest !== null && (
          <Fact name={say("card.digest")}>
            <code>{patch.patch_digest}</code>
          </Fact>
        )}
      </dl>
    </div>
  );
}

function kindOf({ kind, person }: Author, { say }: Speech, nameOf: (subject: string) => string): string {
  if (kind === "person") return say("card.author.person", { person: person === null ? "" : nameOf(person) });
  return say(kind === "machine" ? "card.author.machine" : "card.author.unknown");
}
