const clock = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit', second: '2-digit' })
const day = new Intl.DateTimeFormat('en-GB', { day: '2-digit', month: 'short' })

/** The time of an instant in the browser's time zone: `14:03:21`, with the day if it is another one than today. */
export function formatTime(iso: string, now = new Date()): string {
  const instant = new Date(iso)
  const time = clock.format(instant)
  return instant.toDateString() === now.toDateString() ? time : `${day.format(instant)} ${time}`
}
