# A cluster, a task definition for the worker, its roles, its log group, and the policy of the scheduler.

terraform {
  required_version = ">= 1.5"
  required_providers {
    aws = {
      source = "hashicorp/aws"
    }
  }
}

variable "region" {
  type    = string
  default = "eu-central-1"
}

variable "image" {
  type        = string
  description = "Image of the worker: docs/guide/remote-workers.md says how it is made."
}

variable "scheduler_role" {
  type        = string
  description = "Name of the role under which the scheduler runs."
}

provider "aws" {
  region = var.region
}

data "aws_caller_identity" "here" {}

locals {
  name    = "fairlead"
  account = data.aws_caller_identity.here.account_id
  tasks   = "arn:aws:ecs:${var.region}:${local.account}:task/${local.name}/*"
}

resource "aws_ecs_cluster" "fairlead" {
  name = local.name
}

resource "aws_ecs_cluster_capacity_providers" "fairlead" {
  cluster_name       = aws_ecs_cluster.fairlead.name
  capacity_providers = ["FARGATE", "FARGATE_SPOT"]
}

resource "aws_cloudwatch_log_group" "worker" {
  name              = "/${local.name}/worker"
  retention_in_days = 14
}

data "aws_iam_policy_document" "for_tasks" {
  statement {
    actions = ["sts:AssumeRole"]
    principals {
      type        = "Service"
      identifiers = ["ecs-tasks.amazonaws.com"]
    }
  }
}

# What tasks may do in AWS: add what yours need.
resource "aws_iam_role" "task" {
  name               = "${local.name}-task"
  assume_role_policy = data.aws_iam_policy_document.for_tasks.json
}

# Pulls the image and writes the log.
resource "aws_iam_role" "execution" {
  name               = "${local.name}-execution"
  assume_role_policy = data.aws_iam_policy_document.for_tasks.json
}

resource "aws_iam_role_policy_attachment" "execution" {
  role       = aws_iam_role.execution.name
  policy_arn = "arn:aws:iam::aws:policy/service-role/AmazonECSTaskExecutionRolePolicy"
}

resource "aws_ecs_task_definition" "worker" {
  family                   = "${local.name}-worker"
  requires_compatibilities = ["FARGATE"]
  network_mode             = "awsvpc"
  cpu                      = 512
  memory                   = 1024
  task_role_arn            = aws_iam_role.task.arn
  execution_role_arn       = aws_iam_role.execution.arn

  container_definitions = jsonencode([{
    name        = "worker"
    image       = var.image
    essential   = true
    stopTimeout = 30
    linuxParameters = {
      initProcessEnabled = true
    }
    logConfiguration = {
      logDriver = "awslogs"
      options = {
        "awslogs-group"         = aws_cloudwatch_log_group.worker.name
        "awslogs-region"        = var.region
        "awslogs-stream-prefix" = "ecs"
      }
    }
  }])
}

data "aws_iam_policy_document" "scheduler" {
  statement {
    actions   = ["ecs:DescribeClusters"]
    resources = [aws_ecs_cluster.fairlead.arn]
  }
  statement {
    actions   = ["ecs:DescribeTaskDefinition"]
    resources = ["*"]
  }
  statement {
    actions   = ["ecs:RunTask"]
    resources = ["${aws_ecs_task_definition.worker.arn_without_revision}:*"]
    condition {
      test     = "ArnEquals"
      variable = "ecs:cluster"
      values   = [aws_ecs_cluster.fairlead.arn]
    }
  }
  statement {
    actions   = ["ecs:DescribeTasks", "ecs:StopTask"]
    resources = [local.tasks]
  }
  statement {
    actions   = ["ecs:ListTasks"]
    resources = ["*"]
    condition {
      test     = "ArnEquals"
      variable = "ecs:cluster"
      values   = [aws_ecs_cluster.fairlead.arn]
    }
  }
  statement {
    actions   = ["ecs:TagResource"]
    resources = [local.tasks]
    condition {
      test     = "StringEquals"
      variable = "ecs:CreateAction"
      values   = ["RunTask"]
    }
  }
  statement {
    actions   = ["iam:PassRole"]
    resources = [aws_iam_role.task.arn, aws_iam_role.execution.arn]
    condition {
      test     = "StringEquals"
      variable = "iam:PassedToService"
      values   = ["ecs-tasks.amazonaws.com"]
    }
  }
  statement {
    actions   = ["logs:GetLogEvents"]
    resources = ["${aws_cloudwatch_log_group.worker.arn}:log-stream:*"]
  }
}

resource "aws_iam_role_policy" "scheduler" {
  name   = "${local.name}-ecs"
  role   = var.scheduler_role
  policy = data.aws_iam_policy_document.scheduler.json
}

output "settings" {
  description = "What to write into the settings of the EcsExecutor, beside network."
  value = {
    region         = var.region
    cluster        = aws_ecs_cluster.fairlead.name
    taskDefinition = aws_ecs_task_definition.worker.family
    containerName  = "worker"
  }
}
