import { z } from 'zod'
import { cacheKeyForm, cacheTagForm, KEY_RULE, TAG_RULE } from '../../../statements/cache/cache-wish.ts'
import { count } from '../schemas/figures.ts'

const MAX_REASON_CHARACTERS = 500

/** Why the operator does it. */
export const reason = z
  .string()
  .max(MAX_REASON_CHARACTERS)
  .optional()
  .describe('Why, in your words: written to the audit log.')

/** Body of routes that take nothing but a reason. */
export const reasonBody = z
  .strictObject({ reason })
  .meta({ id: 'AdminReason', description: 'May be left out.', examples: [{ reason: 'blocks the nightly load' }] })

/** Body of `POST /admin/reload`. */
export const reloadBody = z
  .strictObject({
    dry_run: z.boolean().optional().describe('Tells what a reload would do, and changes nothing. It opens no source.'),
    reason,
  })
  .meta({ id: 'ReloadRequest', description: 'May be left out.', examples: [{ dry_run: true }] })

/** Body of `POST /admin/cache/clear`. */
export const clearBody = z
  .strictObject({
    data_source: z.string().optional().describe('Entries of one source.'),
    tag: z.string().regex(cacheTagForm, `must be ${TAG_RULE}`).optional().describe('Entries with a tag.'),
    key: z
      .string()
      .regex(cacheKeyForm, `must be ${KEY_RULE}`)
      .optional()
      .describe('Entries that clients gave this name.'),
    principal: z.string().optional().describe('Entries of the statements of one principal.'),
    reason,
  })
  .meta({
    id: 'ClearCacheRequest',
    description: 'Which entries: those that match all members. May be left out, for all entries.',
    examples: [{ data_source: 'demo', reason: 'the table was loaded again' }],
  })

/** Body of `POST /admin/sources/{name}/breaker`. */
export const breakerBody = z
  .strictObject({
    mode: z.enum(['automatic', 'open', 'closed']).describe('Who decides about the breaker from now on.'),
    address: z
      .string()
      .optional()
      .describe('One of its servers, as `GET /api/v1/sources/{name}` tells it; by default all.'),
    reason,
  })
  .meta({ id: 'BreakerRequest', examples: [{ mode: 'open', reason: 'maintenance until 22:00' }] })

/** Answer of actions that every process carries out. */
export const reachAnswer = z
  .object({
    confirmed: count('Processes, replicas and workers, that have done it.'),
    missing: count('Processes that did not answer in time, or could not do it.'),
  })
  .meta({ id: 'ActionReach', description: 'How far an action has come.', examples: [{ confirmed: 2, missing: 0 }] })

/** Answer of `POST /admin/reload`. */
export const reloadAnswer = z
  .object({
    outcome: z.enum(['applied', 'unchanged']),
    dry_run: z.boolean().describe('Whether nothing was changed: the other members tell what a reload would do.'),
    changed: z.array(z.string()).describe('Settings that have changed.'),
    needs_restart: z.array(z.string()).describe('Settings that differ from the file and stay until a restart.'),
    problems: z
      .array(z.string())
      .describe('Parts of the gateway that could not follow, by a fault of the gateway: restart it. Usually empty.'),
    digest: z.string().describe('Digest of the settings in force, without secrets, as in `flightgate_config_info`.'),
  })
  .meta({
    id: 'AdminReload',
    examples: [
      {
        outcome: 'applied',
        dry_run: false,
        changed: ['limits.queueWaitMs'],
        needs_restart: ['listen.http'],
        problems: [],
        digest: '0a1b2c3d4e5f',
      },
    ],
  })
