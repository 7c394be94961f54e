/** Resolves at SIGTERM or SIGINT. A second signal ends this process at once, and with it its children. */
export function untilSignal(): Promise<void> {
  return new Promise((resolve) => {
    let isFirst = true;
    const onSignal = (): void => {
      if (!isFirst) process.kill(process.pid, 'SIGKILL');
      isFirst = false;
      resolve();
    };
    process.on('SIGTERM', onSignal);
    process.on('SIGINT', onSignal);
  });
}
