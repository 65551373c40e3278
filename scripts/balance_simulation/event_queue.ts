/** What will happen, the soonest first. Events are plain numbers, so that millions of them leave no garbage. */
export interface EventQueue {
  /** When the next event is; `Infinity` for none. */
  readonly nextAt: () => number;
  readonly add: (at: number, event: number) => void;
  /** Takes the next event; there must be one. */
  readonly take: () => number;
}

/** Makes an empty queue: a binary heap. */
export function createEventQueue(): EventQueue {
  let times = new Float64Array(1024);
  let events = new Float64Array(1024);
  let length = 0;

  function grow(): void {
    const [oldTimes, oldEvents] = [times, events];
    times = new Float64Array(length * 2);
    events = new Float64Array(length * 2);
    times.set(oldTimes);
    events.set(oldEvents);
  }

  return {
    nextAt: () => length === 0 ? Infinity : times[0]!,
    add(at, event) {
      if (length === times.length) grow();
      let place = length++;
      while (place > 0) {
        const parent = (place - 1) >> 1;
        if (times[parent]! <= at) break;
        times[place] = times[parent]!;
        events[place] = events[parent]!;
        place = parent;
      }
      times[place] = at;
      events[place] = event;
    },
    take() {
      const event = events[0]!;
      const at = times[--length]!;
      const moved = events[length]!;
      let place = 0;
      for (;;) {
        let child = 2 * place + 1;
        if (child >= length) break;
        if (child + 1 < length && times[child + 1]! < times[child]!) child++;
        if (times[child]! >= at) break;
        times[place] = times[child]!;
        events[place] = events[child]!;
        place = child;
      }
      times[place] = at;
      events[place] = moved;
      return event;
    },
  };
}
