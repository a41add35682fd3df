/** Saying something of a patch without deciding; or the review that a broken glass needs afterwards. */

import { useIsMutating, useMutation, useQueryClient } from "@tanstack/react-query";

import { ofPatch } from "../api/client";
import { amendCard } from "../api/queries";
import type { Detail, Said } from "../api/types";
import { useClient, useMe } from "../session/use-session";
import { useSpeech } from "../words/words";
import * as draft from "./draft";
import { SayDialog } from "./say-dialog";

interface Props {
  readonly detail: Detail;
  /** It is the review that a broken glass needs afterwards. */
  readonly ofGlass: boolean;
  readonly close: () => void;
}

export function CommentDialog({ detail, ofGlass, close }: Props) {
  const { say } = useSpeech();
  const client = useClient();
  const cached = useQueryClient();
  const { subject } = useMe();
  const what = ofGlass ? "glass_review" : "comment";
  // Also where it was closed and opened again meanwhile: it is said once.
  const mutationKey = ["say", detail.patch_id, what];
  const isBusy = useIsMutating({ mutationKey }) > 0;
  const saying = useMutation({
    mutationKey,
    mutationFn: async (comment: string) => {
      const key = draft.keyOf(subject, detail.patch_id, what, comment);
      const body = ofGlass ? { comment, reviews_glass: true } : { comment };
      return (await client.post<Said>(ofPatch(detail.patch_id, "comment"), { body, key })).body;
    },
    onSuccess: (said, sent) => {
      draft.arrived(subject, detail.patch_id, what, sent);
      // Added to what is shown, and not asked anew: the card must not become another one under the reader's eyes.
      amendCard(cached, detail.patch_id, (had) => (ofGlass ? withReview(had, said) : withComment(had, said)));
      close();
    },
  });
  return (
    <SayDialog
      patchId={detail.patch_id}
      what={what}
      verb={ofGlass ? "decide.glass_review" : "decide.comment"}
      label={ofGlass ? "decide.reason" : "decide.comment"}
      needsText
      {...(ofGlass ? { lead: say("decide.glass_review.lead") } : {})}
      busy={isBusy}
      failure={saying.error}
      close={close}
      done={(text) => { saying.mutate(text); }}
    />
  );
}

function withComment(detail: Detail, { at, actor, comment }: Said): Detail {
  return { ...detail, comments: [...detail.comments, { at, actor, comment, round: detail.round }] };
}

/** As the history tells it: it is no comment, and ends the alarm. */
function withReview(detail: Detail, { at, actor, comment }: Said): Detail {
  const entry = { at, actor, role: "reviewer", action: "glass_reviewed", justification: comment, round: detail.round };
  const unsaid = { seq: null, patch_digest: null, evidence_digest: null, policy_version: null };
  return { ...detail, history: [...detail.history, { ...entry, ...unsaid }], glass_broken_by: null };
}
