/** Most labels of a principal that a day keeps apart, so that a client with a new label each time cannot fill the ledger. */
export const MAX_LABELS = 50

/** Name under which the further labels of a day count. No client can give it: it has characters that labels do not. */
export const OTHER_LABELS = '(other)'
