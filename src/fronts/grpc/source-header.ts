/** The header that names the source of a call. */
export const SOURCE_HEADER = 'x-flightgate-source'
