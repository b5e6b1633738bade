"""What the queue's server must allow: the commands, keys and channels that we and RQ use, and no cluster."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from redis import Redis
from redis.exceptions import NoPermissionError, ResponseError

KEYS = ("rq:*", "evaluator:*")
"""The keys that we and RQ use."""
CHANNELS = "rq:*"
"""The channels on which RQ sends commands to workers."""
GRANT = "~rq:* ~evaluator:* &rq:* +@all -@admin -@dangerous +info"
"""Rights that suffice, as `ACL SETUSER` takes them. RQ asks by INFO which commands the server has."""

COMMANDS = (
    *("SET rq:rights 0", "SET evaluator:rights 0", "PUBLISH rq:rights 0", "SUBSCRIBE rq:rights", "UNSUBSCRIBE"),
    *("INFO", "PING", "TIME", "CLIENT SETNAME x", "CLIENT INFO", "CLIENT SETINFO LIB-NAME x"),
    *("SELECT 0", "WATCH rq:rights", "UNWATCH", "EVAL 0 0", "EVALSHA 0 0", "SCRIPT LOAD 0", "SCAN 0"),
    *("GET rq:rights", "MGET rq:rights", "SETNX rq:rights 0", "INCR rq:rights", "INCRBY rq:rights 0", "DEL rq:rights"),
    *("UNLINK rq:rights", "EXISTS rq:rights", "EXPIRE rq:rights 0", "PEXPIRE rq:rights 0"),
    *("PTTL rq:rights", "PERSIST rq:rights"),
    *("RENAME rq:rights rq:rights", "HSET rq:rights 0 0", "HSETNX rq:rights 0 0", "HGET rq:rights 0"),
    *("HMGET rq:rights 0", "HGETALL rq:rights", "HDEL rq:rights 0", "HEXISTS rq:rights 0", "HINCRBY rq:rights 0 0"),
    *("HINCRBYFLOAT rq:rights 0 0", "SADD rq:rights 0", "SREM rq:rights 0", "SMEMBERS rq:rights", "SCARD rq:rights"),
    *("SISMEMBER rq:rights 0", "ZADD rq:rights 0 0", "ZREM rq:rights 0", "ZRANGE rq:rights 0 0", "ZCARD rq:rights"),
    *("ZSCORE rq:rights 0", "ZCOUNT rq:rights 0 0", "ZPOPMIN rq:rights", "ZRANGEBYSCORE rq:rights 0 0"),
    *("ZREMRANGEBYSCORE rq:rights 0 0", "ZREMRANGEBYRANK rq:rights 0 0", "LPUSH rq:rights 0", "RPUSH rq:rights 0"),
    *("LRANGE rq:rights 0 0", "LLEN rq:rights", "LREM rq:rights 0 0", "LPOS rq:rights 0", "LPOP rq:rights"),
    *("LMOVE rq:rights rq:rights LEFT LEFT", "BLMOVE rq:rights rq:rights LEFT LEFT 1", "BLPOP rq:rights 1"),
    *("XADD rq:rights * 0 0", "XLEN rq:rights", "XRANGE rq:rights - +", "XREVRANGE rq:rights + -", "XDEL rq:rights 0"),
    *("XTRIM rq:rights MAXLEN 0", "XACK rq:rights 0 0", "XREAD STREAMS rq:rights 0", "XGROUP CREATE rq:rights 0 0"),
    "XREADGROUP GROUP 0 0 STREAMS rq:rights 0",
)  # fmt: skip
"""Every command that we and RQ use, with arguments that the server takes."""


def shortcomings(client: Redis) -> str | None:
    """Why a server that answers cannot hold our queue, in words; None if it can.

    Raises:
        RedisError: it does not answer.
    """
    if lacking := list(dict.fromkeys(_lacking(client))):
        return f"its user lacks rights: {', '.join(lacking)}. Give it {GRANT} (docs/hosting.md)"
    if client.info("cluster").get("cluster_enabled"):
        return (
            "it is a Redis Cluster: RQ changes several keys in one operation, which a cluster refuses (CROSSSLOT). "
            "Use a server without cluster mode; Sentinel gives failover"
        )
    return None


def _lacking(client: Redis) -> Iterator[str]:
    """The rights that the user of this connection lacks.

    The server checks rights when it adds a command to a transaction. So each command is added to one, and then the
    transaction is discarded: nothing is executed.
    """
    pool = client.connection_pool
    connection = pool.get_connection()
    try:
        (begun,) = _answers(connection, ["MULTI"])
        if isinstance(begun, NoPermissionError):  # what follows would be executed
            yield _right("MULTI", str(begun))
            return
        for line, answer in zip(COMMANDS, _answers(connection, COMMANDS), strict=True):
            if isinstance(answer, NoPermissionError):
                yield _right(line, str(answer))
        _answers(connection, ["DISCARD"])
    finally:
        connection.disconnect()  # type: ignore[no-untyped-call]  # redis-py's
        pool.release(connection)


def _answers(connection: Any, lines: Sequence[str]) -> list[object]:
    """The server's answers to commands, its refusals among them.

    Raises:
        RedisError: it does not answer.
    """
    connection.send_packed_command(connection.pack_commands([line.split() for line in lines]))
    return [_answer(connection) for _ in lines]


def _answer(connection: Any) -> object:
    try:
        return connection.read_response()
    except ResponseError as refusal:  # also of another kind, such as: cannot be in a transaction
        return refusal


def _right(line: str, refusal: str) -> str:
    """The right whose lack is the reason why a command was refused."""
    if re.search(r"\bchannels?\b", refusal):
        return f"the channels {CHANNELS}"
    if re.search(r"\bkeys?\b", refusal):
        return f"the keys {next(keys for keys in KEYS if f' {keys[:-1]}' in line)}"
    return f"the command {line.partition(' ')[0]}"
