-- The prefix keeps us apart in a database that is not ours alone: a testbed
-- empties tables that begin so, and no others.
-- Times are Unix milliseconds by the clock of the node that wrote them. Bytes,
-- not text: no collation may hold two subjects to be the same.
CREATE TABLE IF NOT EXISTS authbench_sessions (
	id           BINARY(32)      NOT NULL COMMENT 'SHA-256 of the session id',
	subject      VARBINARY(255)  NOT NULL,
	roles        VARBINARY(1024) NOT NULL COMMENT 'separated by spaces',
	created_ms   BIGINT          NOT NULL,
	last_seen_ms BIGINT          NOT NULL,
	auth_ms      BIGINT          NOT NULL,
	until_ms     BIGINT          NOT NULL COMMENT 'end of the absolute timeout',
	expires_ms   BIGINT          NOT NULL COMMENT 'alive while now < expires_ms',
	data         VARBINARY(16384) NOT NULL DEFAULT '' COMMENT 'what an application keeps with a session',
	PRIMARY KEY (id),
	KEY by_subject (subject),
	KEY by_expiry (expires_ms)
) ENGINE = InnoDB;

-- Rows that are only locked: who changes which sessions a subject has, other
-- than by adding one, holds the row of the subject's hash until it commits.
CREATE TABLE IF NOT EXISTS authbench_subject_locks (
	slot TINYINT UNSIGNED NOT NULL PRIMARY KEY
) ENGINE = InnoDB;
