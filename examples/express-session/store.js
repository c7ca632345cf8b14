'use strict'

// Where sessions are kept: in Redis where REDIS_URL is given, in MySQL where MYSQL_DSN
// is. Names begin as authbench's own do, so that a store it shares with others is left
// as it was.

const session = require('express-session')
const ms = require('ms')

exports.openStore = async function openStore (env) {
  const idle = ms(env.IDLE_TIMEOUT)
  if (!(idle >= 1000)) throw new Error(`IDLE_TIMEOUT=${env.IDLE_TIMEOUT}: want at least 1s`)
  return env.REDIS_URL ? redisStore(env.REDIS_URL, idle) : mysqlStore(env.MYSQL_DSN, Number(env.POOL_SIZE), idle)
}

async function redisStore (url, idle) {
  const { createClient } = require('redis')
  const { RedisStore } = require('connect-redis')
  const client = createClient({ url })
  client.on('error', err => console.error('redis:', err.message)) // without it Node would end
  await client.connect()
  return new RedisStore({ client, prefix: 'authbench:sess:', ttl: Math.round(idle / 1000) })
}

async function mysqlStore (dsn, connectionLimit, idle) {
  const MySQLStore = require('express-mysql-session')(session)
  const store = new MySQLStore({
    ...parseDSN(dsn),
    connectionLimit,
    expiration: idle,
    schema: { tableName: 'authbench_express_sessions' }
  })
  await store.onReady()
  return store
}

// parseDSN reads user:password@tcp(host:port)/database.
function parseDSN (dsn) {
  const m = /^([^:]*):(.*)@tcp\(([^)]*):(\d+)\)\/([^?]+)/.exec(dsn)
  if (!m) throw new Error('MYSQL_DSN: want user:password@tcp(host:port)/database')
  const [, user, password, host, port, database] = m
  return { user, password, host, port: Number(port), database }
}
