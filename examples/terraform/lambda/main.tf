# A function that runs tasks, its queues for results and dead letters, its role, and the policy of the scheduler.

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
  description = "Image of the function: examples/lambda-image makes it."
}

variable "scheduler_role" {
  type        = string
  description = "Name of the role under which the scheduler runs."
}

provider "aws" {
  region = var.region
}

locals {
  name = "fairlead-worker"
}

resource "aws_sqs_queue" "results" {
  name                       = "fairlead-results"
  visibility_timeout_seconds = 60
  message_retention_seconds  = 345600
  sqs_managed_sse_enabled    = true
}

resource "aws_sqs_queue" "dead" {
  name                       = "fairlead-dead"
  visibility_timeout_seconds = 60
  message_retention_seconds  = 345600
  sqs_managed_sse_enabled    = true
}

data "aws_iam_policy_document" "for_lambda" {
  statement {
    actions = ["sts:AssumeRole"]
    principals {
      type        = "Service"
      identifiers = ["lambda.amazonaws.com"]
    }
  }
}

# What tasks may do in AWS: add what yours need.
resource "aws_iam_role" "function" {
  name               = local.name
  assume_role_policy = data.aws_iam_policy_document.for_lambda.json
}

resource "aws_iam_role_policy_attachment" "log" {
  role       = aws_iam_role.function.name
  policy_arn = "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"
}

data "aws_iam_policy_document" "function" {
  statement {
    actions   = ["sqs:SendMessage"]
    resources = [aws_sqs_queue.results.arn, aws_sqs_queue.dead.arn]
  }
}

resource "aws_iam_role_policy" "function" {
  name   = "tell-ends"
  role   = aws_iam_role.function.name
  policy = data.aws_iam_policy_document.function.json
}

resource "aws_lambda_function" "worker" {
  function_name = local.name
  role          = aws_iam_role.function.arn
  package_type  = "Image"
  image_uri     = var.image
  timeout       = 900
  memory_size   = 1024
  ephemeral_storage {
    size = 1024
  }
}

# Without this Lambda would run failed events three times, and keep others for six hours.
resource "aws_lambda_function_event_invoke_config" "worker" {
  function_name                = aws_lambda_function.worker.function_name
  maximum_retry_attempts       = 0
  maximum_event_age_in_seconds = 900
  destination_config {
    on_failure {
      destination = aws_sqs_queue.dead.arn
    }
  }
  depends_on = [aws_iam_role_policy.function]
}

data "aws_iam_policy_document" "scheduler" {
  statement {
    actions = [
      "lambda:GetFunctionConfiguration",
      "lambda:GetFunctionEventInvokeConfig",
      "lambda:InvokeFunction",
    ]
    resources = [aws_lambda_function.worker.arn, "${aws_lambda_function.worker.arn}:*"]
  }
  statement {
    actions = [
      "sqs:GetQueueAttributes",
      "sqs:ReceiveMessage",
      "sqs:DeleteMessage",
      "sqs:ChangeMessageVisibility",
    ]
    resources = [aws_sqs_queue.results.arn, aws_sqs_queue.dead.arn]
  }
}

resource "aws_iam_role_policy" "scheduler" {
  name   = "fairlead-lambda"
  role   = var.scheduler_role
  policy = data.aws_iam_policy_document.scheduler.json
}

output "settings" {
  description = "What to write into the settings of the LambdaExecutor."
  value = {
    region             = var.region
    functionName       = aws_lambda_function.worker.function_name
    resultQueueUrl     = aws_sqs_queue.results.url
    deadLetterQueueUrl = aws_sqs_queue.dead.url
  }
}
