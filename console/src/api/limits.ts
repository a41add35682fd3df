/** What the API takes at most. Held to its description by a test. */

/** Characters of a reason, a comment, what somebody says about the console. */
export const TEXT_MAX = 10_000;
/** Reviews that are decided by one request. */
export const BATCH_MAX = 500;
/** People who are looked up by one request. */
export const PEOPLE_MAX = 40;
/** Rows of one page of reviews, results or the audit. */
export const PAGE_MAX = 200;
