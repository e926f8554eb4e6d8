SET ROLE pitboss_writer
