-- Model evaluations under their usual name.

alter table evaluation.contest rename to model_evaluation;
alter table evaluation.model_evaluation rename column contest to evaluation_number;
alter table evaluation.model_evaluation rename column held_at to evaluated_at;
alter table evaluation.decisions rename column contest to evaluation_number;
