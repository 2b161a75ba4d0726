import { redisUrlProblem } from './sections/redis.ts'
import { portProblem, section, type Variable } from './setting/variable.ts'

const truths: Readonly<Record<string, boolean>> = {
  true: true,
  '1': true,
  yes: true,
  false: false,
  '0': false,
  no: false,
}

/** A variable that adds to a section `redis` which the file, REDIS_URL or REDIS_HOST has made. */
function addition(name: string, setting: string, more: Partial<Variable> = {}): Variable {
  return {
    name,
    about: `\`redis.${setting}\`. Without effect if Redis is not configured.`,
    within: 'redis',
    apply(value, root) {
      section(root, 'redis')[setting] = value
    },
    ...more,
  }
}

/** The variables of Redis. */
export const redisVariables: readonly Variable[] = [
  {
    name: 'REDIS_URL',
    about: '`redis.url`.',
    problem: redisUrlProblem,
    gives: 'redis.url',
    apply(value, root) {
      section(root, 'redis')['url'] = value
    },
  },
  {
    name: 'REDIS_HOST',
    about: '`redis.host`. Without effect if REDIS_URL is set, or the file says where Redis is.',
    apply(value, root) {
      const redis = section(root, 'redis')
      if (redis['url'] ?? redis['sentinels'] ?? redis['nodes']) return
      redis['host'] = value
    },
  },
  addition('REDIS_PORT', 'port', {
    problem: portProblem(1),
    apply(value, root) {
      section(root, 'redis')['port'] = Number(value)
    },
  }),
  addition('REDIS_USERNAME', 'username'),
  addition('REDIS_PASSWORD', 'password'),
  addition('REDIS_DB', 'database', {
    problem: (value) => (/^\d{1,6}$/.test(value) ? undefined : 'must be the number of a database, such as 0'),
    apply(value, root) {
      section(root, 'redis')['database'] = Number(value)
    },
  }),
  addition('REDIS_TLS', 'tls', {
    about: '`true` or `false`: TLS to Redis, as `redis.tls: {}`. Without effect if Redis is not configured.',
    problem: (value) => (truths[value.toLowerCase()] === undefined ? 'must be true or false' : undefined),
    apply(value, root) {
      const redis = section(root, 'redis')
      if (truths[value.toLowerCase()]) section(redis, 'tls')
      else delete redis['tls']
    },
  }),
]
