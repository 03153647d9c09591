-- A text that comes back by an undo has the preferences that it was written with.

alter table content.replaced_texts add column user_preferences json;
