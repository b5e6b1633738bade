"""Scripts that change a queue's list of waiting jobs: they put it into fair order, so that a small experiment does not
wait for the whole of a large one, and remove many jobs at once.
"""

from __future__ import annotations

from collections.abc import Sequence

import orjson
from redis import Redis

from evaluator.jobs.stages import STAGES

TURNS = [stage.turn for stage in STAGES.values() if stage.turn is not None]
"""Which waiting jobs are a group, and how many jobs a group may run in its turn."""
JOBS_PER_MILLISECOND = 50
"""How many waiting jobs are put in order at most: a pause follows each time. An experiment adds jobs once a variant; if
the whole list were read each time, time would grow with the square of the variants."""

# Groups take turns; within a group the order stays, and jobs without a group come first. Atomic, as every script is.
# During the last run's pause, the next round of housekeeping does it.
_TAKE_TURNS = """
if redis.call('EXISTS', KEYS[2]) == 0 or redis.call('EXISTS', KEYS[3]) == 1 then return 0 end
redis.call('DEL', KEYS[2])
local waiting = redis.call('LRANGE', KEYS[1], 0, -1)
local pause = math.floor(#waiting / tonumber(ARGV[2]))
if pause > 0 then redis.call('SET', KEYS[3], 1, 'PX', pause) end
local urgent, order, groups = {}, {}, {}
local turns = cjson.decode(ARGV[1])
local function group_of(id)
  for _, turn in ipairs(turns) do
    local group = string.match(id, '^(' .. turn.group .. ')%-')
    if group then return group, turn.jobs end
  end
end
for _, id in ipairs(waiting) do
  local group, jobs_per_turn = group_of(id)
  if not group then
    urgent[#urgent + 1] = id
  else
    if not groups[group] then
      groups[group] = {next = 1, turn = jobs_per_turn}
      order[#order + 1] = group
    end
    groups[group][#groups[group] + 1] = id
  end
end
if #order < 2 and #urgent == 0 then return 0 end
local fair, left = urgent, true
while left do
  left = false
  for _, group in ipairs(order) do
    local jobs = groups[group]
    for _ = 1, jobs.turn do
      if jobs[jobs.next] then
        fair[#fair + 1] = jobs[jobs.next]
        jobs.next = jobs.next + 1
        left = true
      end
    end
  end
end
redis.call('DEL', KEYS[1])
for first = 1, #fair, 1000 do
  redis.call('RPUSH', KEYS[1], unpack(fair, first, math.min(first + 999, #fair)))
end
return #fair
"""

# `LREM` for each job would look through the list as often as there are jobs.
_REMOVE = """
local gone, kept = {}, {}
for _, id in ipairs(cjson.decode(ARGV[1])) do gone[id] = true end
for _, id in ipairs(redis.call('LRANGE', KEYS[1], 0, -1)) do
  if not gone[id] then kept[#kept + 1] = id end
end
redis.call('DEL', KEYS[1])
for first = 1, #kept, 1000 do
  redis.call('RPUSH', KEYS[1], unpack(kept, first, math.min(first + 999, #kept)))
end
"""


def take_turns(connection: Redis, queue_key: str, *, added: bool = True) -> None:
    """Put the waiting jobs of a queue into fair order: now, or, if they are many, with one of the next calls.

    Args:
        added: whether jobs were added; if not, only what earlier calls left is done.
    """
    unordered, pause = f"evaluator:unordered:{queue_key}", f"evaluator:pause:{queue_key}"
    with connection.pipeline(transaction=False) as pipeline:
        if added:
            pipeline.set(unordered, 1)
        turns = orjson.dumps([turn._asdict() for turn in TURNS])
        pipeline.eval(_TAKE_TURNS, 3, queue_key, unordered, pause, turns, JOBS_PER_MILLISECOND)
        pipeline.execute()


def remove_waiting(connection: Redis, queue_key: str, ids: Sequence[str]) -> None:
    """Take jobs out of a queue, in time that grows with the queue and not with the jobs times the queue."""
    connection.eval(_REMOVE, 1, queue_key, orjson.dumps(ids))
