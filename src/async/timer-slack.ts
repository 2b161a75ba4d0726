/** How much earlier than asked a timer may fire, by the clock (`Date.now`), in milliseconds. */
export const TIMER_SLACK_MS = 10
