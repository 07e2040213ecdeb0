// Times as Slack writes them, in the reader's own zone and language.

const DAY = 86_400_000; // ms
const format = (options) => {
  const formatter = new Intl.DateTimeFormat(undefined, options);
  return (date) => formatter.format(date);
};

const time = format({ hour: "numeric", minute: "2-digit" });
const timeWithSeconds = format({ hour: "numeric", minute: "2-digit", second: "2-digit" });
const numeric = format({ year: "numeric", month: "2-digit", day: "2-digit" });
const short = format({ year: "numeric", month: "short", day: "numeric" });
const medium = format({ year: "numeric", month: "long", day: "numeric" });
const long = format({ weekday: "long", year: "numeric", month: "long", day: "numeric" });
const withoutYear = format({ weekday: "long", month: "long", day: "numeric" });
const relative = new Intl.RelativeTimeFormat(undefined, { numeric: "auto" });

const midnight = (date) => new Date(date.getFullYear(), date.getMonth(), date.getDate()).getTime();
const daysAway = (date) => Math.round((midnight(date) - midnight(new Date())) / DAY);
const capital = (text) => text.charAt(0).toUpperCase() + text.slice(1);

function pretty(otherwise) {
  return (date) => (Math.abs(daysAway(date)) <= 1 ? relative.format(daysAway(date), "day") : otherwise(date));
}

const STEPS = [["year", 31_536_000], ["month", 2_592_000], ["day", 86_400], ["hour", 3600], ["minute", 60]]; // seconds

/** How long ago, or how far ahead, in one unit. */
export function ago(date) {
  const seconds = (date.getTime() - Date.now()) / 1000;
  const [unit, size] = STEPS.find(([, length]) => Math.abs(seconds) >= length) ?? ["second", 1];
  return relative.format(Math.round(seconds / size), unit);
}

// Slack, "Formatting text for app surfaces: date formatting".
const TOKENS = {
  date_num: numeric,
  date: medium,
  date_slash: numeric,
  date_short: short,
  date_long: long,
  date_long_full: long,
  date_pretty: pretty(medium),
  date_short_pretty: pretty(short),
  date_long_pretty: pretty(long),
  day_divider_pretty: pretty(long),
  time,
  time_secs: timeWithSeconds,
  ago,
};

/** Write a timestamp (epoch seconds) by Slack's template; null when it cannot be. */
export function byTemplate(seconds, template) {
  const date = new Date(Number(seconds) * 1000);
  if (Number.isNaN(date.getTime())) return null;
  return template.replace(/\{(\w+)\}/g, (token, name) => TOKENS[name]?.(date) ?? token);
}

export const dateOf = (ts) => new Date(Number.parseFloat(ts) * 1000);
export const clock = (ts) => time(dateOf(ts));
/** The time without its AM or PM, for the narrow gutter. */
export const shortClock = (ts) => clock(ts).replace(/\s?[AP]M$/i, "");
export const exact = (ts) => `${pretty(medium)(dateOf(ts)).replace(/^./, (first) => first.toUpperCase())} at ${timeWithSeconds(dateOf(ts))}`;
export const dayKey = (ts) => midnight(dateOf(ts));

/** The words of a day divider. */
export function dayName(ts) {
  const date = dateOf(ts);
  if (Math.abs(daysAway(date)) <= 1) return capital(relative.format(daysAway(date), "day"));
  return date.getFullYear() === new Date().getFullYear() ? withoutYear(date) : long(date);
}

/** "last reply today at 15:04" and its like. */
export function whenReplied(ts) {
  const date = dateOf(ts);
  const age = Date.now() - date.getTime();
  if (age < 60_000) return "just now";
  if (age < DAY) return ago(date);
  return `${pretty(short)(date)} at ${time(date)}`;
}
