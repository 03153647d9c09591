-- How well a text is written, beside the other dimensions. Null in rows of earlier judges: the next run judges the texts
-- again under the new version of the policy, and evaluations of the past keep what was measured then.

alter table quality.scores add column writing double;
alter table quality.score_history add column writing double;
alter table evaluation.results add column writing double;
alter table evaluation.model_evaluation add column writing double;
