/** The signals that ask a process to stop: of a supervisor, and Ctrl-C of a terminal. */
const names = ['SIGTERM', 'SIGINT'] as const;

/** Nothing has begun yet that would have to be finished. */
const leave = (): void => process.exit(0);

/**
 * From now on a stop signal ends the process with code 0, until {@link takeSignals} knows a better way. The kernel
 * drops signals to process 1, which is what a service is in its container, as long as it has no handler for them.
 */
export function leaveOnSignals(): void {
  for (const name of names) process.on(name, leave);
}

/** Tells the listener of stop signals instead of {@link leaveOnSignals}, without a moment in which nobody listens. */
export function takeSignals(listener: (signal: NodeJS.Signals) => void): void {
  for (const name of names) {
    process.on(name, listener);
    process.off(name, leave);
  }
}
