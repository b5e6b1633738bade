"""Scripts that change a queue's list of waiting jobs: they put it into fair order, so that a small experiment does not
wait for the whole of a large one, nor a project for all of another's; and remove many jobs at once.

evaluator:project:<experiment>   the project of an experiment, if that is not the main one
evaluator:owner:<group>          the project for which a group of waiting jobs counts, if that is not the main one
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

import orjson
from redis import Redis
from rq.queue import EnqueueData

from evaluator.domain.access import MAIN
from evaluator.jobs.stages import STAGES

TURNS = [stage.turn for stage in STAGES.values() if stage.turn is not None]
"""Which waiting jobs are a group, and how many jobs a group may run in its turn."""
GROUPS = [re.compile(f"({turn.group.replace('%-', '-').replace('%x', '[0-9a-f]')})-") for turn in TURNS]
"""The same groups as Python's patterns."""
OWNER = "evaluator:owner:"
OWNERS_TTL = 30 * 24 * 3600
"""Seconds after which Redis drops what is known of abandoned experiments."""
JOBS_PER_MILLISECOND = 50
"""How many waiting jobs are put in order at most: a pause follows each time. An experiment adds jobs once a variant; if
the whole list were read each time, time would grow with the square of the variants."""

# Projects take turns, and within a project its groups do; within a group the order stays, and jobs without a group come
# first. What several projects need counts for the one that asked first. Atomic, as every script is. During the last
# run's pause, the next round of housekeeping does it.
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
local projects, groups_of = {}, {}
for _, group in ipairs(order) do
  local project = redis.call('GET', ARGV[3] .. group) or ''
  if not groups_of[project] then
    groups_of[project] = {}
    projects[#projects + 1] = project
  end
  table.insert(groups_of[project], group)
end
local fair, left = urgent, 1
while left > 0 do
  left = 0
  for _, project in ipairs(projects) do
    local group = table.remove(groups_of[project], 1)
    if group then
      local jobs = groups[group]
      for _ = 1, jobs.turn do
        if jobs[jobs.next] then
          fair[#fair + 1] = jobs[jobs.next]
          jobs.next = jobs.next + 1
        end
      end
      if jobs[jobs.next] then table.insert(groups_of[project], group) end
      left = left + #groups_of[project]
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


def set_project(connection: Redis, experiment: str, project: str) -> None:
    """Note the project of an experiment, for which its jobs count."""
    if project != MAIN:
        connection.set(_project_key(experiment), project, ex=OWNERS_TTL)


def note_owners(connection: Redis, jobs: Iterable[EnqueueData]) -> None:
    """Note for which project the groups of these jobs count, of which none waits.

    Args:
        jobs: the first argument of each is its experiment.
    """
    asked = {group: str(job.args[0]) for job in jobs if (group := _group_of(str(job.job_id))) and job.args}
    experiments = list(dict.fromkeys(asked.values()))
    if not experiments:
        return
    found = connection.mget([_project_key(experiment) for experiment in experiments])
    projects = dict(zip(experiments, found, strict=True))
    with connection.pipeline(transaction=False) as pipeline:
        for group, experiment in asked.items():
            if (project := projects[experiment]) is not None:
                pipeline.set(f"{OWNER}{group}", project, ex=OWNERS_TTL)
            else:
                pipeline.delete(f"{OWNER}{group}")
        pipeline.execute()


def _group_of(id_: str) -> str | None:
    """The group of a job, as the script finds it."""
    return next((found[1] for pattern in GROUPS if (found := pattern.match(id_))), None)


def _project_key(experiment: str) -> str:
    return f"evaluator:project:{experiment}"


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
        pipeline.eval(_TAKE_TURNS, 3, queue_key, unordered, pause, turns, JOBS_PER_MILLISECOND, OWNER)
        pipeline.execute()


def remove_waiting(connection: Redis, queue_key: str, ids: Sequence[str]) -> None:
    """Take jobs out of a queue, in time that grows with the queue and not with the jobs times the queue."""
    connection.eval(_REMOVE, 1, queue_key, orjson.dumps(ids))
