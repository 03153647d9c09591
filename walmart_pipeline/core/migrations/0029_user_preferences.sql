-- What a user preferred for a text that was written in the Studio, as the model was told it. Texts from before, and those
-- that the pipeline asks for itself, have none.

alter table content.generated_content add column user_preferences json;
alter table content.edits add column user_preferences json;
